package ingest

import "bytes"

// message is one call as the scanner found it: where it lies in the body and
// where the few parts of it are that intake looks at. Spans of values include
// the quotes of strings. Of duplicate names the last counts.
type message struct {
	whole        span
	object       bool
	depth        int
	typ          span
	event        span
	id           span
	context      span
	integrations span
	sentAt       span
	writeKey     span
}

// envelope is a whole request body.
type envelope struct {
	hasBatch, badBatch bool // there is a `batch`; it is not a list
	tooMany            bool // more messages than allowed; scanning stopped there
	depth              int  // of what the batch says for all
	context            span
	integrations       span
	sentAt             span
	writeKey           span
	messages           []message
}

// decoder turns a body into messages. It is reused from request to request.
type decoder struct {
	scan    scanner
	env     envelope
	scratch []byte
}

// single reads a body that is one message.
func (d *decoder) single(body []byte) error {
	s := &d.scan
	s.reset(body)
	d.env = envelope{messages: d.env.messages[:0]}
	s.space()
	var m message
	if !d.message(&m) || !s.end() {
		return s.err()
	}
	d.env.messages = append(d.env.messages, m)
	return nil
}

// batch reads a body that holds a list of messages, at most limit of them.
func (d *decoder) batch(body []byte, limit int) error {
	s, e := &d.scan, &d.env
	s.reset(body)
	*e = envelope{messages: e.messages[:0]}
	if s.space() != '{' {
		if !s.value() || !s.end() {
			return s.err()
		}
		return nil // JSON, but nothing with a batch in it
	}
	ok := s.members(func(name []byte, escaped bool) bool {
		switch string(d.plain(name, escaped)) {
		case "batch":
			e.hasBatch = true
			return d.list(limit)
		case "context":
			return d.shared(&e.context)
		case "integrations":
			return d.shared(&e.integrations)
		case "sentAt":
			return d.shared(&e.sentAt)
		case "writeKey":
			return d.value(&e.writeKey)
		}
		return s.value()
	})
	if e.tooMany {
		return nil
	}
	if !ok || !s.end() {
		return s.err()
	}
	return nil
}

// list reads the value of `batch`.
func (d *decoder) list(limit int) bool {
	s, e := &d.scan, &d.env
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
		if !d.message(&e.messages[len(e.messages)-1]) {
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

// message reads one message, whatever JSON value it is.
func (d *decoder) message(m *message) bool {
	s := &d.scan
	m.whole.from = s.i
	s.deepest = 0
	if s.i < len(s.b) && s.b[s.i] == '{' {
		m.object = true
		ok := s.members(func(name []byte, escaped bool) bool {
			switch string(d.plain(name, escaped)) {
			case "type":
				return d.value(&m.typ)
			case "event":
				return d.value(&m.event)
			case "messageId":
				return d.value(&m.id)
			case "context":
				return d.value(&m.context)
			case "integrations":
				return d.value(&m.integrations)
			case "sentAt":
				return d.value(&m.sentAt)
			case "writeKey":
				return d.value(&m.writeKey)
			}
			return s.value()
		})
		if !ok {
			return false
		}
		s.deepest++
	} else if !s.value() {
		return false
	}
	m.whole.to = s.i
	m.depth = s.deepest
	return true
}

// value reads a value and notes where it was.
func (d *decoder) value(p *span) bool {
	from := d.scan.i
	if !d.scan.value() {
		return false
	}
	*p = span{from, d.scan.i}
	return true
}

// shared reads a value of the batch that is for all its messages.
func (d *decoder) shared(p *span) bool {
	d.scan.deepest = 0
	if !d.value(p) {
		return false
	}
	d.env.depth = max(d.env.depth, d.scan.deepest)
	return true
}

// plain is the text of a name or of a string's content; it stays valid until
// the next call.
func (d *decoder) plain(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	d.scratch = unquote(d.scratch[:0], raw)
	return d.scratch
}

// kind is the first byte of a value: '{', '[', '"', 't', 'f', 'n', '-' or a
// digit; 0 for an absent one.
func (d *decoder) kind(p span) byte {
	if !p.ok() {
		return 0
	}
	return d.scan.b[p.from]
}

// text is the text of a string value, or a number as its decimal text. It
// stays valid until the next call.
func (d *decoder) text(p span) (t []byte, ok bool) {
	switch c := d.kind(p); {
	case c == '"':
		raw := d.scan.b[p.from+1 : p.to-1]
		return d.plain(raw, bytes.IndexByte(raw, '\\') >= 0), true
	case c == '-' || '0' <= c && c <= '9':
		return d.scan.b[p.from:p.to], true
	}
	return nil, false
}
