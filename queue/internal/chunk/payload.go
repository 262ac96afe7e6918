package chunk

import (
	"encoding/binary"
	"math"
	"time"

	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/internal/varint"
)

// engineFlags mark the optional parts of a record in a payload; callers never set them.
const engineFlags = queue.FlagSeenBy | queue.FlagRecipe | queue.FlagStore

const minRecord = 6 // set, gap, flags, time and the lengths of id and body, at least one byte each

// appendRecord appends a record to a payload. set is the index of its lane set, gap the number of
// sequence numbers removed before it.
func appendRecord(b []byte, set, gap uint64, it *Item) []byte {
	b = binary.AppendUvarint(b, set)
	b = binary.AppendUvarint(b, gap)
	flags := it.Flags &^ engineFlags
	if len(it.SeenBy) > 0 {
		flags |= queue.FlagSeenBy
	}
	if it.Recipe != "" {
		flags |= queue.FlagRecipe
	}
	if it.Store != "" {
		flags |= queue.FlagStore
	}
	b = binary.AppendUvarint(b, uint64(flags))
	if flags&queue.FlagSeenBy != 0 {
		b = binary.AppendUvarint(b, uint64(len(it.SeenBy)))
		for _, lane := range it.SeenBy {
			b = binary.AppendUvarint(b, uint64(len(lane)))
			b = append(b, lane...)
		}
	}
	if it.Recipe != "" {
		b = binary.AppendUvarint(b, uint64(len(it.Recipe)))
		b = append(b, it.Recipe...)
	}
	if it.Store != "" {
		b = binary.AppendUvarint(b, uint64(len(it.Store)))
		b = append(b, it.Store...)
	}
	b = binary.AppendVarint(b, it.Received)
	b = binary.AppendUvarint(b, uint64(len(it.ID)))
	b = append(b, it.ID...)
	b = binary.AppendUvarint(b, uint64(len(it.Body)))
	return append(b, it.Body...)
}

// decodePayload reads the records of a chunk. Bodies alias raw.
func decodePayload(h *Header, raw []byte) ([]queue.Record, error) {
	r := varint.NewReader(raw)
	sets := make([][]string, r.Count())
	for i := range sets {
		set := make([]string, r.Count())
		for j := range set {
			k := r.Uint()
			if k >= uint64(len(h.Lanes)) {
				return nil, format.Damaged("lane set")
			}
			set[j] = h.Lanes[k].Name
		}
		sets[i] = set
	}
	if uint64(h.Count)*minRecord > uint64(r.Len()) || r.Bad() {
		return nil, format.Damaged("record table")
	}
	recs := make([]queue.Record, h.Count)
	idx := uint64(0)
	for i := range recs {
		set, gap := r.Uint(), r.Uint()
		flags := r.Uint()
		var had []string
		if flags&uint64(queue.FlagSeenBy) != 0 {
			for range r.Count() {
				had = append(had, string(r.Bytes()))
			}
		}
		recipe := ""
		if flags&uint64(queue.FlagRecipe) != 0 {
			recipe = string(r.Bytes())
		}
		store := ""
		if flags&uint64(queue.FlagStore) != 0 {
			store = string(r.Bytes())
		}
		received := r.Int()
		id := r.Bytes()
		body := r.Bytes()
		idx += gap
		if r.Bad() || set >= uint64(len(sets)) || gap > math.MaxUint32 || flags > queue.MaxFlags || idx >= uint64(h.Span) {
			return nil, format.Damaged("record %d", i)
		}
		recs[i] = queue.Record{
			Seq: h.First + queue.Seq(idx), ID: string(id), Lanes: sets[set], SeenBy: had, Recipe: recipe, Store: store,
			Received: time.UnixMilli(received).UTC(), Flags: queue.Flags(flags) &^ engineFlags, Body: body,
		}
		idx++
	}
	if r.Len() != 0 {
		return nil, format.Damaged("%d bytes after the last record", r.Len())
	}
	return recs, nil
}
