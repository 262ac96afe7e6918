package track

import "unicode/utf8"

const byteOrderMark = "\xef\xbb\xbf"

// One parses a message that did not arrive over HTTP, as Take parses one of a batch. It can
// change body; the result can refer to it.
func (r *Reader) One(body []byte) (Message, error) {
	body = withoutMark(body)
	if !utf8.Valid(body) {
		body = ToUTF8(nil, body)
	}
	if err := r.Scan(body, false); err != nil {
		return Message{Body: body}, err
	}
	_, _ = r.Room()                 // forgets the previous batch
	msg, _ := r.Take(0, false, nil) // most messages need no room
	return msg, nil
}

// Batch scans a body that did not arrive over HTTP. It returns false if body is a JSON value
// without a list called batch, or has an event of its own: it is then a message itself.
func (r *Reader) Batch(body []byte) (bool, error) {
	body = withoutMark(body)
	if !utf8.Valid(body) {
		body = ToUTF8(nil, body)
	}
	if err := r.Scan(body, true); err != nil {
		return false, err
	}
	if !r.IsBatch() && !r.env.tooMany || r.env.event.kind(r.body) == '"' {
		return false, nil
	}
	if _, bad := r.Room(); bad != nil {
		return true, bad
	}
	return true, nil
}

// Next is Take with a buffer of its own, for callers that take the messages one by one.
func (r *Reader) Next(k int) Message {
	msg, _ := r.Take(k, false, make([]byte, 0, r.roomFor(&r.env.messages[k], r.merge.extra())))
	return msg
}

func withoutMark(body []byte) []byte {
	if len(body) >= len(byteOrderMark) && string(body[:len(byteOrderMark)]) == byteOrderMark {
		return body[len(byteOrderMark):]
	}
	return body
}

// Times returns timestamp and originalTimestamp, in this order, as JSON. Absent, null and blank
// values are left out. The mapper parses them.
func (m *Message) Times() (found [][]byte) {
	for _, p := range [...]span{m.at.timestamp, m.at.original} {
		switch raw := p.of(m.src); {
		case !present(p.kind(m.src)):
		case raw[0] == '"' && isBlank(plainText(nil, raw)):
		default:
			found = append(found, raw)
		}
	}
	return found
}

// Name returns the name of a stored event; "" if it is not usable.
func Name(event []byte) string {
	var s scanner
	m, ok := s.event(event)
	if !ok || m.event.kind(event) != '"' {
		return ""
	}
	name, _ := s.text(event, m.event)
	return string(name)
}

// OrderID returns the order number of a stored event, a number as its text; "" if it has none.
func OrderID(event []byte) string {
	var s scanner
	m, ok := s.event(event)
	if !ok || m.properties.kind(event) != '{' {
		return ""
	}
	var at span
	s.i = int(m.properties.from)
	for more := s.enter(); more; more = s.next() {
		from := s.i
		if isID := string(s.member()) == "order_id"; s.value() && isID {
			at = span{int32(from), int32(s.i)}
		}
	}
	id, _ := s.text(event, at)
	return string(id)
}

func (s *scanner) event(body []byte) (m message, ok bool) {
	err := s.single(body, &m)
	return m, err == nil && m.isObject
}
