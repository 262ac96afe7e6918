package track

import "bytes"

// message is one call as the scanner found it: its position in the text and the positions of
// the members that relay reads. Spans of values include the quotes of strings. Of two members
// with the same name the last one counts.
type message struct {
	whole, typ, event, id         span
	context, integrations, sentAt span
	timestamp, original           span
	properties, writeKey, user    span
	depth                         int32
	isObject, repeated, nan       bool
}

// rewritten reports whether the stored message differs from the received one even without a
// batch around it.
func (m *message) rewritten() bool { return m.isObject && (m.repeated || m.nan) }

// envelope is a whole request body.
type envelope struct {
	hasBatch, badBatch bool // there is a `batch`; it is not a list
	tooMany            bool // more messages than allowed; the scan stopped there
	depth              int  // of the shared members
	context            shared
	integrations       shared
	sentAt             span
	writeKey           span
	event              span // the event name, if a message itself has a member called batch
	messages           []message
}

// shared is an object that applies to all messages of a batch.
type shared struct {
	at            span
	repeated, nan bool
}

// single scans a text that is one message.
func (s *scanner) single(body []byte, m *message) error {
	s.reset(body)
	s.space()
	if !s.message(m) || !s.end() {
		return s.err()
	}
	return nil
}

// batch scans a body with a list of messages, at most limit of them.
func (s *scanner) batch(body []byte, limit int, e *envelope) error {
	s.reset(body)
	*e = envelope{messages: e.messages[:0]}
	if s.space() != '{' {
		if !s.value() || !s.end() {
			return s.err()
		}
		return nil // valid JSON without a batch
	}
	for more := s.enter(); more; more = s.next() {
		ok := false
		switch string(s.member()) {
		case "batch":
			e.hasBatch = true
			ok = s.list(limit, e)
		case "context":
			ok = s.shared(e, &e.context)
		case "integrations":
			ok = s.shared(e, &e.integrations)
		case "sentAt":
			ok = s.valueAt(&e.sentAt)
		case "writeKey":
			ok = s.valueAt(&e.writeKey)
		case "event":
			ok = s.valueAt(&e.event)
		default:
			ok = s.value()
		}
		if e.tooMany {
			return nil
		}
		if !ok {
			return s.err()
		}
	}
	if s.failed() || !s.end() {
		return s.err()
	}
	return nil
}

// list scans the value of `batch`.
func (s *scanner) list(limit int, e *envelope) bool {
	e.messages = e.messages[:0]
	e.badBatch = s.i >= len(s.b) || s.b[s.i] != '['
	if e.badBatch {
		return s.value()
	}
	s.i++
	if s.space() == ']' {
		s.i++
		return true
	}
	for {
		if len(e.messages) == limit {
			e.tooMany = true
			return false
		}
		e.messages = append(e.messages, message{})
		if !s.message(&e.messages[len(e.messages)-1]) {
			return false
		}
		switch s.space() {
		case ',':
			s.i++
			s.space()
		case ']':
			s.i++
			return true
		default:
			return s.fail("unexpected character")
		}
	}
}

// message scans one message, which can be any JSON value.
func (s *scanner) message(m *message) bool {
	*m = message{whole: span{from: int32(s.i)}}
	s.deepest, s.repeated, s.nan = 0, false, false
	if s.i < len(s.b) && s.b[s.i] == '{' {
		m.isObject = true
		for more := s.enter(); more; more = s.next() {
			part, from := m.part(s.member()), s.i
			if !s.value() {
				return false
			}
			if part != nil {
				*part = span{int32(from), int32(s.i)}
			}
		}
		if s.failed() {
			return false
		}
		s.deepest++
	} else if !s.value() {
		return false
	}
	m.whole.to = int32(s.i)
	m.depth, m.repeated, m.nan = int32(s.deepest), s.repeated, s.nan
	return true
}

// part returns where to store the span of the member with this name; nil if relay does not
// read it.
func (m *message) part(name []byte) *span {
	switch string(name) {
	case "type":
		return &m.typ
	case "event":
		return &m.event
	case "messageId":
		return &m.id
	case "context":
		return &m.context
	case "integrations":
		return &m.integrations
	case "sentAt":
		return &m.sentAt
	case "timestamp":
		return &m.timestamp
	case "originalTimestamp":
		return &m.original
	case "properties":
		return &m.properties
	case "userId":
		return &m.user
	case "writeKey":
		return &m.writeKey
	}
	return nil
}

// shared scans a value that applies to all messages of the batch.
func (s *scanner) shared(e *envelope, p *shared) bool {
	s.deepest, s.repeated, s.nan = 0, false, false
	if !s.valueAt(&p.at) {
		return false
	}
	p.repeated, p.nan = s.repeated, s.nan
	e.depth = max(e.depth, s.deepest)
	return true
}

// valueAt scans a value and stores its span in p.
func (s *scanner) valueAt(p *span) bool {
	from := s.i
	if !s.value() {
		return false
	}
	*p = span{int32(from), int32(s.i)}
	return true
}

// content returns the text of a quoted string. It is valid until the next call.
func (s *scanner) content(quoted []byte, escaped bool) []byte {
	if !escaped {
		return quoted[1 : len(quoted)-1]
	}
	s.plain = unquote(s.plain[:0], quoted)
	return s.plain
}

// text returns the text of the string at p in b, or a number as its decimal text. It is valid
// until the next call.
func (s *scanner) text(b []byte, p span) (t []byte, ok bool) {
	switch c := p.kind(b); {
	case c == '"':
		raw := p.of(b)
		return s.content(raw, bytes.IndexByte(raw, '\\') >= 0), true
	case c == '-' && p.of(b)[1] != 'I', '0' <= c && c <= '9':
		return p.of(b), true
	}
	return nil, false
}
