package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"relay/queue"
)

// What makes one message unusable. In a batch it is kept and named in the
// answer; alone it is the answer.
var (
	badObject = &failure{status: 400, code: "not_an_object", message: "a message must be a JSON object"}
	badType   = &failure{status: 400, code: "invalid_type", message: "type must be text"}
	badDepth  = &failure{status: 400, code: "too_deep", message: "the message is nested too deeply"}
	badName   = &failure{status: 400, code: "missing_event", message: "a track needs the name of its event"}
	badEvent  = &failure{status: 400, code: "invalid_event", message: "the name of an event must be text"}
)

// maxIDBytes bounds a message id; a longer one is replaced by its digest.
const maxIDBytes = 255

var (
	lanesUnmapped = []string{queue.LaneUnmapped}
	lanesRefused  = []string{queue.LaneRefused}
)

// sort says what a message is: a track, something to ignore, or unusable. In a
// batch its type decides, none at all meaning track, as it would be a loss to
// drop somebody's sale for it; on a path of its own the path has decided.
func (h *Handler) sort(w *work, m *message, what call) (is call, bad *failure) {
	d := &w.decoder
	if !m.object {
		return unknown, badObject
	}
	if what == batch {
		switch k := d.kind(m.typ); k {
		case 0, 'n':
		case '"':
			if t, _ := d.text(m.typ); string(t) != "track" {
				return other, nil
			}
		default:
			return unknown, badType
		}
	} else if what == other {
		return other, nil
	}
	switch {
	case m.whole.len() > h.o.MaxEventBytes:
		return track, failEventBig
	case m.depth > MaxDepth:
		return track, badDepth
	}
	switch d.kind(m.event) {
	case 0, 'n':
		return track, badName
	case '"':
		if t, _ := d.text(m.event); len(bytes.TrimSpace(t)) == 0 {
			return track, badName
		}
		return track, nil
	}
	return track, badEvent
}

// takeSingle makes the entry of a body that is one message.
func (h *Handler) takeSingle(w *work, g *grant, received time.Time, what call) *failure {
	m := &w.decoder.env.messages[0]
	is, bad := h.sort(w, m, what)
	switch {
	case bad != nil:
		return bad
	case is == other:
		w.o.Ignored++
		return nil
	}
	event, _ := w.decoder.text(m.event)
	if !g.allows(event) {
		return failEvent
	}
	h.enter(w, m, event, received)
	w.blank(m.writeKey)
	e := &w.entries[0]
	e.Body = w.decoder.scan.b[m.whole.from:m.whole.to]
	// A type that says otherwise would mislead whoever reads the event later.
	if t, ok := w.decoder.text(m.typ); m.typ.ok() && (!ok || string(t) != "track") {
		var room bool
		if w.out, room = h.buffers.get(m.whole.len() + len(`"track"`)); !room {
			return failBusy
		}
		w.merger.begin(&w.decoder)
		w.out = w.merger.splice(w.out, m, `"track"`)
		e.Body = w.out
	}
	w.finish()
	return nil
}

// takeBatch makes the entries of a batch: the good messages for their lanes,
// the unusable ones for the refused lane.
func (h *Handler) takeBatch(w *work, g *grant, received time.Time) *failure {
	d := &w.decoder
	env := &d.env
	switch {
	case env.tooMany:
		return failMany
	case !env.hasBatch || env.badBatch:
		return failNoBatch
	case env.depth >= MaxDepth:
		return failDeepAll
	}
	w.merger.begin(d)
	if f := h.room(w); f != nil {
		return f
	}
	for k := range env.messages {
		m := &env.messages[k]
		is, bad := h.sort(w, m, batch)
		if is == other {
			w.o.Ignored++
			continue
		}
		var event []byte
		if bad == nil {
			if event, _ = d.text(m.event); !g.allows(event) {
				bad = failEvent
			}
		}
		w.blank(m.writeKey)
		if bad != nil {
			h.refuse(w, m, k, bad, received)
			continue
		}
		h.enter(w, m, event, received)
		e := &w.entries[len(w.entries)-1]
		if w.merger.needed(m) {
			from := len(w.out)
			w.out = w.merger.splice(w.out, m, "")
			e.Body = w.out[from:len(w.out):len(w.out)]
		} else {
			e.Body = d.scan.b[m.whole.from:m.whole.to]
		}
	}
	w.finish()
	return nil
}

// room lends the buffer that all spliced messages of the batch fit in; so the
// parts of it that entries hold stay where they are.
func (h *Handler) room(w *work) *failure {
	env := &w.decoder.env
	extra := w.merger.extra()
	if extra == 0 {
		return nil
	}
	total := 0
	for k := range env.messages {
		if m := &env.messages[k]; m.object && w.merger.needed(m) {
			total += m.whole.len() + extra
		}
	}
	if extra > h.o.MaxEventBytes || total > 4*h.o.MaxRequestBytes {
		return failMerged
	}
	var ok bool
	if w.out, ok = h.buffers.get(total); !ok {
		return failBusy
	}
	return nil
}

// enter adds the entry of a good track, without its body.
func (h *Handler) enter(w *work, m *message, event []byte, received time.Time) {
	lanes := h.o.Route(w.name(event))
	if len(lanes) == 0 {
		lanes = lanesUnmapped
		w.o.Unmapped++
	}
	w.noteID(m)
	w.entries = append(w.entries, queue.Entry{Lanes: lanes, Received: received})
}

// refuse adds the entry of an unusable message of a batch. It is de-duplicated
// among its kind alone: the same id, mended and sent again, is not a duplicate.
func (h *Handler) refuse(w *work, m *message, index int, f *failure, received time.Time) {
	w.o.Rejected++
	w.reject = append(w.reject, rejected{index: index, failure: f})
	e := queue.Entry{
		Lanes: lanesRefused, Received: received, DedupKey: "refused",
		Body: w.decoder.scan.b[m.whole.from:m.whole.to],
	}
	if f == failEventBig {
		e.Flags |= queue.FlagTooLarge
	}
	w.noteID(m)
	w.entries = append(w.entries, e)
}

// noteID adds the message's id to w.idText, or a random one if it has none.
func (w *work) noteID(m *message) {
	if t, ok := w.decoder.text(m.id); ok && len(bytes.TrimSpace(t)) > 0 {
		if len(t) <= maxIDBytes {
			w.idText = append(w.idText, t...)
		} else {
			sum := sha256.Sum256(t)
			w.idText = hex.AppendEncode(append(w.idText, "sha256:"...), sum[:])
		}
	} else {
		w.idText = append(w.idText, uuid.NewString()...)
	}
	w.idEnds = append(w.idEnds, len(w.idText))
}

// finish gives the entries their ids: one copy for all of them.
func (w *work) finish() {
	all, from, k := string(w.idText), 0, 0
	for i := range w.entries {
		e := &w.entries[i]
		e.ID = all[from:w.idEnds[i]]
		from = w.idEnds[i]
		if e.DedupKey != "" {
			e.DedupKey = "refused:" + e.ID
			w.reject[k].messageID = e.ID
			k++
		}
	}
}

// name is the event's name as a string, without making a new one each time.
func (w *work) name(event []byte) string {
	if s, ok := w.names[string(event)]; ok {
		return s
	}
	s := string(event)
	if len(w.names) >= 256 {
		clear(w.names)
	}
	if len(s) <= 256 {
		w.names[s] = s
	}
	return s
}

// blank overwrites a write key in the body: it is a secret of the caller's and
// nothing that later stages need.
func (w *work) blank(p span) {
	b := w.decoder.scan.b
	if w.decoder.kind(p) != '"' {
		return
	}
	for i := p.from + 1; i < p.to-1; i++ {
		b[i] = '*'
	}
}
