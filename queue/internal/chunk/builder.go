package chunk

import (
	"crypto/rand"
	"fmt"
	"slices"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
)

// Builder makes chunks one after another, each between Start and Finish. It reuses its memory. Only
// one goroutine may use it.
type Builder struct {
	codec   *Codec
	ring    *seal.Ring
	h       Header
	sets    laneSets
	ids     []byte
	raw     []byte // payload, after tableRoom bytes for its table
	scratch []byte
}

// headerRoom is the approximate size of a header.
const headerRoom = 512

// tableRoom bytes are left free in front of a payload: the table of lane sets comes first but is
// known only at the end.
const tableRoom = 256

// Item is a record to be added to a chunk.
type Item struct {
	Hash        [16]byte // of its id, for the chunk's ids
	Fingerprint uint64   // stored next to Hash
	Lanes       []string // without duplicates
	SetKey      string   // SetKey(Lanes)
	SeenBy      []string
	Recipe      string
	Store       string
	Received    int64 // Unix ms
	Flags       queue.Flags
	ID          string
	Body        []byte
}

// NewBuilder returns a Builder that seals chunks with the ring's current key.
func NewBuilder(codec *Codec, ring *seal.Ring) *Builder {
	b := &Builder{codec: codec, ring: ring}
	b.Start(0)
	return b
}

// Start begins a chunk whose first record gets the number first. An unfinished chunk is discarded.
func (b *Builder) Start(first queue.Seq) {
	b.h = Header{First: first}
	b.raw = append(b.raw[:0], make([]byte, tableRoom)...)
	b.ids = b.ids[:0]
	b.sets.reset()
}

// Count is the number of records since Start.
func (b *Builder) Count() int { return int(b.h.Count) }

// Size is their approximate size before compression.
func (b *Builder) Size() int { return len(b.raw) - tableRoom }

// Add adds a record under the next number.
func (b *Builder) Add(it *Item) {
	h := &b.h
	if h.Count == 0 || it.Received < h.Min {
		h.Min = it.Received
	}
	if h.Count == 0 || it.Received > h.Max {
		h.Max = it.Received
	}
	b.ids = AppendID(b.ids, it.Hash, it.Fingerprint)
	b.put(it, 0)
}

// put appends a record whose number is gap above the next one.
func (b *Builder) put(it *Item, gap uint32) {
	h := &b.h
	h.Span += gap
	set := b.sets.add(it, uint32(h.First)+h.Span)
	b.raw = appendRecord(b.raw, uint64(set), uint64(gap), it)
	h.Count++
	h.Span++
}

// Rewrite appends to dst the chunk described by h, reduced to recs, which are some of its own
// records, in order. The new chunk covers the same numbers, has the same ids, and is sealed with
// the current key.
func (b *Builder) Rewrite(dst []byte, h *Header, ids []byte, recs []queue.Record) ([]byte, Header, error) {
	b.Start(h.First)
	b.h.Min, b.h.Max = h.Min, h.Max
	for i := range recs {
		r := &recs[i]
		b.put(&Item{
			Lanes: r.Lanes, SetKey: SetKey(r.Lanes), SeenBy: r.SeenBy, Recipe: r.Recipe, Store: r.Store, Received: r.Received.UnixMilli(),
			Flags: r.Flags, ID: r.ID, Body: r.Body,
		}, uint32(r.Seq-b.h.End()))
	}
	b.h.Span = h.Span
	b.ids = append(b.ids, ids...)
	return b.Finish(dst)
}

// Finish compresses and seals the payload, completes the header, and appends the chunk to dst:
// header, ids and payload. The chunk must have at least one record.
func (b *Builder) Finish(dst []byte) ([]byte, Header, error) {
	h, ids := &b.h, b.ids
	h.Lanes = slices.Clone(b.sets.lanes)
	table := b.sets.appendTable(b.scratch[:0])
	b.scratch = table
	if more := len(table) - tableRoom; more > 0 {
		b.raw = slices.Insert(b.raw, 0, make([]byte, more)...)
	}
	raw := b.raw[max(0, tableRoom-len(table)):]
	copy(raw, table)

	pay, codec := b.codec.Compress(b.scratch[:0], raw)
	b.scratch = pay
	h.codec, h.KeyID = codec, b.ring.Keys().Current()
	h.idsLen, h.rawLen, h.payLen = uint32(len(ids)), uint32(len(raw)), uint32(len(pay))
	if h.KeyID != 0 {
		a, err := b.ring.AEAD(h.KeyID, "chunk", uint64(h.First)>>32)
		if err != nil {
			return nil, Header{}, fmt.Errorf("seal chunk: %w", err)
		}
		h.flags |= flagSealed
		h.payLen += uint32(a.Overhead())
		rand.Read(h.nonce[:])
		pay = a.Seal(nil, h.nonce[:], pay, h.appendBound(nil))
	}
	h.idsCRC, h.payCRC = format.CRC(ids), format.CRC(pay)
	dst = h.append(slices.Grow(dst, headerRoom+len(ids)+len(pay)))
	dst = append(dst, ids...)
	return append(dst, pay...), *h, nil
}
