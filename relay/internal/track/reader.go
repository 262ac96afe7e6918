package track

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"unicode/utf8"

	"relay/mapper/event"
	"relay/queue"
)

// maxIDBytes bounds a messageId; a longer one is replaced by its digest.
const maxIDBytes = 255

// A merged batch can have growFactor times the size of the body, plus growFree bytes. Segment's
// largest batch of the smallest events, with a context of a few KB, stays far below.
const (
	growFactor = 64
	growFree   = 64 << 10
)

// Limits bound a body; zero means no limit.
type Limits struct {
	EventBytes int // bytes of one stored message
	Messages   int // messages in one batch
	Merged     int // bytes of all messages of a batch after merging
}

// Message is one call.
type Message struct {
	Body        []byte // as it is to be stored; part of the body or of the buffer given to Take
	Track       bool   // false: another type of call, to be ignored
	Event       []byte // the event name; valid until the next call of the Reader
	ID          []byte // the messageId, empty if there is none; valid until the next call of the Reader
	Fingerprint uint64 // of a usable track call, equal for the same event (FingerprintKey); never 0
	Flags       queue.Flags
	Problem     *Problem // why it is unusable, or nil

	at  message // the positions of its parts
	src []byte  // in this text
}

// Reader parses bodies. The zero value is ready for use. It is reused, by one goroutine at a
// time.
type Reader struct {
	Limits Limits
	Key    FingerprintKey // of Message.Fingerprint

	scan    scanner
	env     envelope
	body    []byte
	isBatch bool
	rewrite rewriter
	merge   merger
	print   fingerprinter
	shared  []byte // shared members that had to be rewritten
	event   []byte // buffers for an event name and an id
	id      []byte
}

// Scan parses a body: one message, or with batch an object with a list of them. An error is a
// *SyntaxError. Scan can change the body where an escape is half a surrogate pair.
func (r *Reader) Scan(body []byte, batch bool) error {
	r.body, r.isBatch = body, batch
	s := &r.scan
	var err error
	switch {
	case len(body) > math.MaxInt32/4:
		s.reset(nil)
		s.what = "more than relay can parse"
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
	if s.halfPairs {
		fixHalfPairs(body)
	}
	return nil
}

// Foreign reports whether the scanned body is not UTF-8. The caller must then convert it with
// ToUTF8 and scan it again.
func (r *Reader) Foreign() bool { return r.scan.nonASCII && !utf8.Valid(r.body) }

// Release drops the references to the body and returns oversized buffers.
func (r *Reader) Release() {
	messages := r.env.messages
	if cap(messages) > maxKept {
		messages = nil
	}
	r.env = envelope{messages: messages[:0]}
	r.body = nil
	r.scan.reset(nil)
	r.merge.scan.reset(nil)
	r.merge.begin(nil, nil, nil)
	r.shared, r.event, r.id = shrink(r.shared), shrink(r.event), shrink(r.id)
}

// shrink returns b emptied, or nil if an unusual body made it large.
func shrink(b []byte) []byte {
	if cap(b) > 64*maxKept {
		return nil
	}
	return b[:0]
}

// WriteKey returns the write key in the body. It is valid until the next call.
func (r *Reader) WriteKey() ([]byte, bool) {
	if r.isBatch {
		return r.scan.text(r.body, r.env.writeKey)
	}
	return r.scan.text(r.body, r.env.messages[0].writeKey)
}

// IsBatch reports whether the body is an object with a list called batch.
func (r *Reader) IsBatch() bool { return r.isBatch && r.env.hasBatch && !r.env.badBatch }

// Len returns the number of messages.
func (r *Reader) Len() int { return len(r.env.messages) }

// IsObject reports whether message k is a JSON object.
func (r *Reader) IsObject(k int) bool { return r.env.messages[k].isObject }

// Room returns how many bytes of buffer Take needs for all messages together. A Problem means
// that the batch as a whole is unusable.
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

// beginMerge passes the shared members of the batch to the merger.
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

// roomFor returns how many bytes of buffer Take needs for one message.
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
	case r.otherType(r.body, m) || extra > 0 && r.merge.needed(r.body, m):
		merged := size + extra + len(trackType)
		if limit := r.Limits.EventBytes; limit > 0 {
			merged = min(merged, limit)
		}
		n += merged
	}
	return n
}

const trackType = `"track"`

// Take returns message k, ready to be stored. forced makes it a track call, for request paths
// that determine the type; otherwise the message's type decides. Text that differs from the
// body is appended to room, which is returned. If room has the capacity that Room returned, it
// is not reallocated.
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
		if r.scan.single(b, &m) != nil { // cannot happen: the output parses like the input
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
	msg.Fingerprint = r.print.event(b, &m)
	typ := ""
	if forced && m.typ.ok() || r.otherType(b, &m) {
		if t, ok := r.scan.text(b, m.typ); !ok || string(t) != "track" {
			typ = trackType // another type would mislead later readers of the event
		}
	}
	if typ == "" && (!r.isBatch || !r.merge.needed(b, &m)) {
		return msg, room
	}
	return r.merged(msg, b, &m, typ, room)
}

// merged merges the shared members into a usable message.
func (r *Reader) merged(msg Message, b []byte, m *message, typ string, room []byte) (Message, []byte) {
	from := len(room)
	out := sink{b: room, limit: math.MaxInt}
	if limit := r.Limits.EventBytes; limit > 0 {
		out.limit = from + limit
	}
	r.merge.splice(&out, b, m, typ)
	if out.over {
		msg.Problem, msg.Event, msg.Fingerprint = TooLarge, nil, 0
		msg.Flags |= queue.FlagTooLarge
		return msg, out.b[:from]
	}
	msg.Body = out.b[from:len(out.b):len(out.b)]
	if r.isBatch {
		msg.Flags |= queue.FlagMerged
	}
	return msg, out.b
}

// otherType reports whether a message has a type that is text but not "track" as the libraries
// write it.
func (r *Reader) otherType(b []byte, m *message) bool {
	if m.typ.kind(b) != '"' {
		return false
	}
	t, _ := r.scan.text(b, m.typ)
	return len(t) > 0 && string(t) != "track"
}

// judge classifies a message: a track call, another call to ignore, or unusable. Unless forced,
// its type decides (event.IsOtherCall). A missing type, or one that is not text, means track.
func (r *Reader) judge(b []byte, m *message, forced bool) (isTrack bool, bad *Problem) {
	s := &r.scan
	if !m.isObject {
		return false, NotAnObject
	}
	if !forced {
		if t, _ := s.text(b, m.typ); m.typ.kind(b) == '"' && event.IsOtherCall(string(t), m.event.kind(b) == '"') {
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

// idOf returns the message's id, empty if it has none.
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
