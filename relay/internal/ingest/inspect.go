package ingest

import (
	"bytes"
	"unicode/utf8"
)

// Message is what Inspect found out about one message.
type Message struct {
	Body  []byte // valid UTF-8, a write key in it blanked out
	Track bool   // else it is to be ignored
	Event string
	ID    string // empty if it has none
	// Times are the values of timestamp and originalTimestamp, in that order,
	// as JSON; what is absent, null or blank is left out. Reading them is the
	// mapper's.
	Times [][]byte
}

// Refusal says why a message can never become a conversion.
type Refusal struct {
	Code    string // as in answers
	Message string
}

func (r *Refusal) Error() string { return r.Message }

// Inspect judges a message that came another way than over HTTP, as the
// handler would judge it in a batch. It may change body. An error is a *Refusal.
func Inspect(body []byte, maxBytes int) (Message, error) {
	w := &work{body: bytes.TrimPrefix(body, byteOrderMark)}
	h := &Handler{o: Options{MaxEventBytes: maxBytes}}
	refuse := func(f *failure) (Message, error) {
		return Message{}, &Refusal{Code: f.code, Message: f.message}
	}
	if !utf8.Valid(w.body) {
		w.body = toUTF8(nil, w.body)
	}
	d := &w.decoder
	if err := d.single(w.body); err != nil {
		return refuse(ofBody(err))
	}
	if d.scan.halves {
		mendHalves(w.body)
	}
	m := &d.env.messages[0]
	is, bad := h.sort(w, m, batch)
	if bad != nil {
		return refuse(bad)
	}
	w.blank(m.writeKey)
	msg := Message{Body: w.body[m.whole.from:m.whole.to], Track: is == track}
	if !msg.Track {
		return msg, nil
	}
	event, _ := d.text(m.event)
	msg.Event = string(event)
	if t, ok := d.text(m.id); ok && len(bytes.TrimSpace(t)) > 0 {
		w.noteID(m)
		msg.ID = string(w.idText)
	}
	msg.Times = times(d, m)
	return msg, nil
}

// times finds the values that say when it happened.
func times(d *decoder, m *message) (found [][]byte) {
	s := &d.scan
	var at [2]span
	s.i = m.whole.from
	s.members(func(name []byte, escaped bool) bool {
		switch string(d.plain(name, escaped)) {
		case "timestamp":
			return d.value(&at[0])
		case "originalTimestamp":
			return d.value(&at[1])
		}
		return s.value()
	})
	for _, p := range at {
		if t, ok := d.text(p); p.ok() && d.kind(p) != 'n' && (!ok || len(bytes.TrimSpace(t)) > 0) {
			found = append(found, s.b[p.from:p.to])
		}
	}
	return found
}
