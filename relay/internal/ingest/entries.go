package ingest

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"relay/queue"
	"relay/relay/internal/track"
)

// collect makes the entries of a request: usable messages for the mapping's lanes, the unusable
// ones of a batch for the refused lane. For a single unusable message it returns the failure.
func (h *Handler) collect(w *work, g *grant, received time.Time, what call) *failure {
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
			h.add(w, &msg, received)
		case what == callBatch:
			h.addRefused(w, &msg, k, f, received)
		default:
			return f
		}
	}
	w.finish()
	return nil
}

// add adds the entry of a usable track call.
func (h *Handler) add(w *work, msg *track.Message, received time.Time) {
	lanes := track.Lanes(h.o.Route, w.name(msg.Event))
	if track.IsUnmapped(lanes) {
		w.o.Unmapped++
	}
	w.addID(msg)
	w.entries = append(w.entries, queue.Entry{Fingerprint: msg.Fingerprint, Lanes: lanes, Received: received, Flags: msg.Flags, Body: msg.Body})
}

// addRefused adds the entry of an unusable message of a batch. It is de-duplicated only among
// unusable messages, by id and content: a corrected message with the same id is not a
// duplicate, and neither is a different unusable message.
func (h *Handler) addRefused(w *work, msg *track.Message, index int, f *failure, received time.Time) {
	w.o.Rejected++
	w.reject = append(w.reject, rejected{index: index, failure: f})
	w.addID(msg)
	w.entries = append(w.entries, queue.Entry{
		Lanes: track.RefusedLanes(), Received: received, Space: queue.ByRefusedID, Flags: msg.Flags, Body: msg.Body,
	})
}

// addID appends the message's id to w.idText, or a random one if it has none.
func (w *work) addID(msg *track.Message) {
	if len(msg.ID) > 0 {
		w.idText = append(w.idText, msg.ID...)
	} else {
		w.idText = append(w.idText, uuid.NewString()...)
	}
	w.idEnds = append(w.idEnds, len(w.idText))
}

// finish sets the ids of the entries: one copy for all of them.
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

// name returns the event's name as a string, allocated only once per name.
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
