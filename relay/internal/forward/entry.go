package forward

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"relay/queue"
	"relay/relay/internal/track"
)

// entry makes the queue entry of a record, as intake would. The edge's intake has read the body
// before, so reading it again does not change it.
func (h *Hub) entry(w *work, store string, rec *queue.Record, allows func([]byte) bool) queue.Entry {
	c := &w.chunk
	e := queue.Entry{ID: rec.ID, Store: store, Received: rec.Received, Flags: rec.Flags, Body: rec.Body}
	switch {
	case c.Lane == Refused || rec.Flags&queue.FlagTooLarge != 0:
	case c.Lane == Conflicts:
		e.Lanes, e.Flags = []string{queue.LaneConflict}, e.Flags|queue.FlagIDConflict
		e.Space, e.Key = queue.ByKey, fmt.Sprintf("conflict:%x:%x:%s", c.Epoch, uint64(rec.Seq), store)
		return e
	default:
		msg, err := w.reader.One(rec.Body)
		switch {
		case err != nil || !msg.Track:
		case msg.Problem != nil:
			e.Flags |= msg.Flags & queue.FlagTooLarge
		case allows != nil && !allows(msg.Event):
		default:
			if w.name != string(msg.Event) {
				w.name = string(msg.Event)
			}
			e.Fingerprint, e.Lanes, e.Flags = msg.Fingerprint, track.Lanes(h.o.Route, w.name), e.Flags|msg.Flags
			return e
		}
	}
	sum := sha256.Sum256(e.Body)
	e.Space, e.Fingerprint, e.Lanes = queue.ByRefusedID, binary.LittleEndian.Uint64(sum[:]), track.RefusedLanes()
	return e
}
