package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"relay/queue"
	"relay/relay/internal/track"
)

// take makes the entries of a request: good messages for the lanes the mapping
// names, the unusable ones of a batch for the refused lane. A single message that
// is unusable is the answer.
func (h *Handler) take(w *work, g *grant, received time.Time, what call) *failure {
	if what == callOther && w.reader.IsObject(0) {
		w.o.Ignored++
		return nil
	}
	need, bad := w.reader.Room()
	if bad != nil {
		return ofProblem(bad)
	}
	if need > 0 {
		var ok bool
		if w.out, ok = w.lend(need); !ok {
			return failBusy
		}
	}
	for k := range w.reader.Len() {
		var msg track.Message
		msg, w.out = w.reader.Take(k, what != callBatch, w.out)
		f := ofProblem(msg.Problem)
		if f == nil && !msg.Track {
			w.o.Ignored++
			continue
		}
		if f == nil && !g.allows(msg.Event) {
			f = failEvent
		}
		switch {
		case f == nil:
			h.enter(w, &msg, received)
		case what == callBatch:
			h.refuse(w, &msg, k, f, received)
		default:
			return f
		}
	}
	w.finish()
	return nil
}

// enter adds the entry of a good track.
func (h *Handler) enter(w *work, msg *track.Message, received time.Time) {
	lanes := track.Lanes(h.o.Route, w.name(msg.Event))
	if track.IsUnmapped(lanes) {
		w.o.Unmapped++
	}
	w.noteID(msg)
	w.entries = append(w.entries, queue.Entry{Fingerprint: msg.Print, Lanes: lanes, Received: received, Flags: msg.Flags, Body: msg.Body})
}

// refuse adds the entry of an unusable message of a batch. It is de-duplicated
// among its kind alone, by id and content: the same id, mended and sent again, is
// not a duplicate, and neither is another unusable message.
func (h *Handler) refuse(w *work, msg *track.Message, index int, f *failure, received time.Time) {
	w.o.Rejected++
	w.reject = append(w.reject, rejected{index: index, failure: f})
	w.noteID(msg)
	w.entries = append(w.entries, queue.Entry{
		Lanes: track.RefusedLanes(), Received: received, Space: queue.ByRefusedID, Flags: msg.Flags, Body: msg.Body,
	})
}

// noteID adds the message's id to w.idText, or a random one if it has none.
func (w *work) noteID(msg *track.Message) {
	if len(msg.ID) > 0 {
		w.idText = append(w.idText, msg.ID...)
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
		if e.Space == queue.ByRefusedID {
			sum := sha256.Sum256(e.Body)
			e.Fingerprint = binary.LittleEndian.Uint64(sum[:])
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
