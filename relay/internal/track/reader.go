package track

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"unicode/utf8"

	"relay/mapper/event"
	"relay/queue"
)

// maxIDBytes bounds a message id; a longer one is replaced by its digest.
const maxIDBytes = 255

// Merging may make a batch growFactor times as large, and growFree bytes more.
// Segment's largest batch of the smallest events with a context of a few KB stays
// far below.
const (
	growFactor = 64
	growFree   = 64 << 10
)

// Limits bound what a body may hold; zero means no limit.
type Limits struct {
	EventBytes int // of one message as it is stored
	Messages   int // of one batch
	Merged     int // bytes that all messages of a batch may have once they are merged
}

// Message is one call of a body.
type Message struct {
	Body    []byte // as it is to be stored; part of the body or of the room given to Take
	Track   bool   // else it is another type of call, to be ignored
	Event   []byte // the event's name; valid until the next call of the Reader
	ID      []byte // the messageId, empty when there is none; valid until the next call
	Print   uint64 // of a usable track: its fingerprint, the same for the same event (PrintKey); never 0
	Flags   queue.Flags
	Problem *Problem // why it is unusable; nil when it is not

	at  message // where its parts lie,
	src []byte  // and in what
}

// Reader takes bodies apart. The zero value is ready; it is used again and again,
// by one goroutine.
type Reader struct {
	Limits Limits
	Key    PrintKey // of Message.Print

	scan    scanner
	env     envelope
	body    []byte
	isBatch bool
	rewrite rewriter
	merge   merger
	print   printer
	shared  []byte // what of the batch's context had to be rewritten
	event   []byte // room for an event's name, and for an id
	id      []byte
}

// Scan reads a body: one message, or an object with a list of them. An error is
// a *SyntaxError. It may change the body where an escape is half a character.
func (r *Reader) Scan(body []byte, batch bool) error {
	r.body, r.isBatch = body, batch
	s := &r.scan
	var err error
	switch {
	case len(body) > math.MaxInt32/4:
		s.reset(nil)
		s.what = "more than can be read at once"
		err = s.err()
	case batch:
		limit := r.Limits.Messages
		if limit <= 0 {
			limit = math.MaxInt
		}
		err = s.batch(body, limit, &r.env)
	default:
		r.env = envelope{messages: append(r.env.messages[:0], message{})}
		err = s.single(body, &r.env.messages[0])
	}
	if err != nil {
		r.env = envelope{messages: r.env.messages[:0]}
		return err
	}
	if s.halves {
		mendHalves(body)
	}
	return nil
}

// Foreign reports whether the body that was scanned is not UTF-8: it must be
// given to ToUTF8 and scanned again.
func (r *Reader) Foreign() bool { return r.scan.wide && !utf8.Valid(r.body) }

// Release forgets the body, so that its memory can be used for something else.
func (r *Reader) Release() {
	messages := r.env.messages
	if cap(messages) > kept {
		messages = nil
	}
	r.env = envelope{messages: messages[:0]}
	r.body = nil
	r.scan.reset(nil)
	r.merge.scan.reset(nil)
	r.merge.begin(nil, nil, nil)
	r.shared, r.event, r.id = modest(r.shared), modest(r.event), modest(r.id)
}

// modest lets go of room that one odd body made large.
func modest(b []byte) []byte {
	if cap(b) > 64*kept {
		return nil
	}
	return b[:0]
}

// WriteKey is the write key that the body holds, valid until the next call.
func (r *Reader) WriteKey() ([]byte, bool) {
	if r.isBatch {
		return r.scan.text(r.body, r.env.writeKey)
	}
	return r.scan.text(r.body, r.env.messages[0].writeKey)
}

// IsBatch reports whether the body is an object with a list called batch.
func (r *Reader) IsBatch() bool { return r.isBatch && r.env.hasBatch && !r.env.badBatch }

// Len is the number of messages.
func (r *Reader) Len() int { return len(r.env.messages) }

// IsObject reports whether the message k is a JSON object.
func (r *Reader) IsObject(k int) bool { return r.env.messages[k].isObject }

// Room is how much room Take needs for all messages together, in bytes. A Problem
// says that the batch as a whole is unusable.
func (r *Reader) Room() (int, *Problem) {
	e := &r.env
	switch {
	case !r.isBatch:
		r.merge.begin(nil, nil, nil)
	case e.tooMany:
		return 0, TooManyEvents
	case !r.IsBatch():
		return 0, MissingBatch
	case e.depth >= event.MaxDepth:
		return 0, ContextTooDeep
	default:
		r.beginMerge()
	}
	extra := r.merge.extra()
	room := 0
	for k := range e.messages {
		room += r.roomFor(&e.messages[k], extra)
	}
	most := growFactor*len(r.body) + growFree
	if r.Limits.Merged > 0 {
		most = min(most, r.Limits.Merged)
	}
	if room > most {
		return 0, MergedTooLarge
	}
	return room, nil
}

// beginMerge tells the merger what the batch says for all.
func (r *Reader) beginMerge() {
	e := &r.env
	r.shared = r.shared[:0]
	object := func(p shared) []byte {
		if p.at.kind(r.body) != '{' {
			return nil // of another type: counts as absent
		}
		text := p.at.of(r.body)
		if p.repeated || p.nan {
			from := len(r.shared)
			r.shared, _, _ = r.rewrite.write(r.shared, text)
			text = r.shared[from:len(r.shared):len(r.shared)]
		}
		return text
	}
	context, integrations := object(e.context), object(e.integrations)
	var sentAt []byte
	if _, ok := r.scan.text(r.body, e.sentAt); ok {
		sentAt = e.sentAt.of(r.body)
	}
	r.merge.begin(context, integrations, sentAt)
}

// roomFor is the room that Take needs for one message.
func (r *Reader) roomFor(m *message, extra int) int {
	if !m.isObject {
		return 0
	}
	n, size := 0, m.whole.len()
	if m.rewritten() {
		size = rewrittenRoom(size)
		n = size
	}
	switch {
	case !r.isBatch && m.typ.ok():
		n += size + len(trackType)
	case r.odd(r.body, m) || extra > 0 && r.merge.needed(r.body, m):
		merged := size + extra + len(trackType)
		if limit := r.Limits.EventBytes; limit > 0 {
			merged = min(merged, limit)
		}
		n += merged
	}
	return n
}

const trackType = `"track"`

// Take makes the message k of the body ready to be stored. Its path, or for a
// batch its type, says whether it is a track: forced is for a path that does.
// What cannot stay as it came is added to room, which is returned; when room had
// the capacity that Room asked for, its memory stays where it is.
func (r *Reader) Take(k int, forced bool, room []byte) (Message, []byte) {
	b, m := r.body, r.env.messages[k]
	msg := Message{Body: m.whole.of(b)}
	if m.rewritten() {
		from := len(room)
		var repeated, nan bool
		if room, repeated, nan = r.rewrite.write(room, msg.Body); repeated {
			msg.Flags |= queue.FlagRepeated
		}
		if nan {
			msg.Flags |= queue.FlagNaN
		}
		b = room[from:len(room):len(room)]
		if r.scan.single(b, &m) != nil { // cannot be: what is written is what was read
			msg.Problem = NotAnObject
			return msg, room
		}
		msg.Body = b
	}
	msg.at, msg.src = m, b
	blankOut(b, m.writeKey)
	msg.Track, msg.Problem = r.judge(b, &m, forced)
	if msg.Problem == TooLarge {
		msg.Flags |= queue.FlagTooLarge
	}
	msg.ID = r.idOf(b, &m)
	if msg.Problem != nil || !msg.Track {
		return msg, room
	}
	event, _ := r.scan.text(b, m.event)
	r.event = append(r.event[:0], event...)
	msg.Event = r.event
	r.print.k = r.Key
	msg.Print = r.print.event(b, &m)
	typ := ""
	if forced && m.typ.ok() || r.odd(b, &m) {
		if t, ok := r.scan.text(b, m.typ); !ok || string(t) != "track" {
			typ = trackType // one that says otherwise would mislead whoever reads the event later
		}
	}
	if typ == "" && (!r.isBatch || !r.merge.needed(b, &m)) {
		return msg, room
	}
	return r.merged(msg, b, &m, typ, room)
}

// merged merges what the batch says into a good message.
func (r *Reader) merged(msg Message, b []byte, m *message, typ string, room []byte) (Message, []byte) {
	from := len(room)
	out := sink{b: room, limit: math.MaxInt}
	if limit := r.Limits.EventBytes; limit > 0 {
		out.limit = from + limit
	}
	r.merge.splice(&out, b, m, typ)
	if out.over {
		msg.Problem, msg.Event, msg.Print = TooLarge, nil, 0
		msg.Flags |= queue.FlagTooLarge
		return msg, out.b[:from]
	}
	msg.Body = out.b[from:len(out.b):len(out.b)]
	if r.isBatch {
		msg.Flags |= queue.FlagMerged
	}
	return msg, out.b
}

// odd says whether a message has a type that is text, and not track as the libraries
// write it.
func (r *Reader) odd(b []byte, m *message) bool {
	if m.typ.kind(b) != '"' {
		return false
	}
	t, _ := r.scan.text(b, m.typ)
	return len(t) > 0 && string(t) != "track"
}

// judge says what a message is: a track, something to ignore, or unusable. In a
// batch its type decides (event.OtherCall). None at all, and one that is no text, mean
// track.
func (r *Reader) judge(b []byte, m *message, forced bool) (isTrack bool, bad *Problem) {
	s := &r.scan
	if !m.isObject {
		return false, NotAnObject
	}
	if !forced {
		if t, _ := s.text(b, m.typ); m.typ.kind(b) == '"' && event.OtherCall(string(t), m.event.kind(b) == '"') {
			return false, nil
		}
	}
	switch {
	case r.Limits.EventBytes > 0 && m.whole.len() > r.Limits.EventBytes:
		return true, TooLarge
	case m.depth > event.MaxDepth:
		return true, TooDeep
	}
	switch m.event.kind(b) {
	case 0, 'n', 'N', 'I':
		return true, MissingEvent
	case '"':
		if t, _ := s.text(b, m.event); isBlank(t) {
			return true, MissingEvent
		}
		return true, nil
	}
	return true, InvalidEvent
}

// idOf is the message's id, empty if it has none.
func (r *Reader) idOf(b []byte, m *message) []byte {
	t, ok := r.scan.text(b, m.id)
	r.id = r.id[:0]
	switch {
	case !ok || isBlank(t):
	case len(t) > maxIDBytes:
		sum := sha256.Sum256(t)
		r.id = hex.AppendEncode(append(r.id, "sha256:"...), sum[:])
	default:
		r.id = append(r.id, t...)
	}
	return r.id
}
