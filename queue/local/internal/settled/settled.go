// Package settled represents what one lane has settled, as an immutable value: a cursor
// (everything before it is settled) and blocks for records settled out of order after it.
//
//	cursor ──►|        block         |        block         |
//	settled...|..x......xxxx.........|xxxxxxxxxxxxxxxxxxxxxx|
//
// A block covers 4,096 sequence numbers of one segment and is stored as one row. A
// settlement writes only the blocks it changes, at most a few hundred bytes each,
// however many records are pending. A block that is settled completely takes one byte.
package settled

import (
	"math/bits"
	"slices"

	"relay/queue"
)

const (
	blockBits = 12
	blockLen  = 1 << blockBits // sequence numbers per block
	words     = blockLen / 64
)

// Set is a set of settled records. It is immutable: methods that settle return a new Set,
// which shares unchanged blocks with the old one. The zero Set is empty.
type Set struct {
	cursor queue.Seq
	blocks []*Block // ascending; each has something settled after cursor
}

// Block is a part of a Set. It is immutable.
type Block struct {
	num   uint64         // its first sequence number >> blockBits
	bits  *[words]uint64 // nil: all of it is settled
	parts []part         // ascending; only records that are not settled completely
}

// part is a record some of whose conversions are settled.
type part struct {
	at    uint16 // index in the block
	slots queue.Slots
}

func (b *Block) first() queue.Seq { return queue.Seq(b.num << blockBits) }

func (b *Block) has(at int) bool { return b.bits == nil || b.bits[at/64]&(1<<(at%64)) != 0 }

// nothingFrom reports whether nothing at or after index at is settled.
func (b *Block) nothingFrom(at int) bool {
	if b.bits == nil || b.bits[at/64]>>(at%64) != 0 || len(b.parts) > 0 && int(b.parts[len(b.parts)-1].at) >= at {
		return false
	}
	return !slices.ContainsFunc(b.bits[at/64+1:], func(w uint64) bool { return w != 0 })
}

// New returns the set of a cursor and blocks, which can be in any order.
func New(cursor queue.Seq, blocks []*Block) Set {
	s := Set{blocks: slices.Clone(blocks)}
	slices.SortFunc(s.blocks, func(x, y *Block) int { return int(int64(x.num) - int64(y.num)) })
	return s.Before(cursor)
}

// Cursor returns the cursor: everything before it is settled. A record at or after it
// can be settled too.
func (s Set) Cursor() queue.Seq { return s.cursor }

// find returns the index of the block that covers seq, or where it would be inserted.
func (s Set) find(seq queue.Seq) (int, bool) {
	return slices.BinarySearchFunc(s.blocks, uint64(seq)>>blockBits, func(b *Block, num uint64) int {
		return int(int64(b.num) - int64(num))
	})
}

// Has reports whether seq is settled.
func (s Set) Has(seq queue.Seq) bool {
	if seq < s.cursor {
		return true
	}
	i, ok := s.find(seq)
	return ok && s.blocks[i].has(int(seq%blockLen))
}

// Slots returns the settled conversions of a record that is not settled completely.
func (s Set) Slots(seq queue.Seq) queue.Slots {
	i, ok := s.find(seq)
	if !ok {
		return 0
	}
	parts := s.blocks[i].parts
	if j, ok := findPart(parts, uint16(seq%blockLen)); ok {
		return parts[j].slots
	}
	return 0
}

func findPart(parts []part, at uint16) (int, bool) {
	return slices.BinarySearchFunc(parts, at, func(p part, at uint16) int { return int(p.at) - int(at) })
}

// Next returns the first sequence number >= seq that is not settled.
func (s Set) Next(seq queue.Seq) queue.Seq {
	seq = max(seq, s.cursor)
	for i, ok := s.find(seq); ok; ok = i < len(s.blocks) && s.blocks[i].first() == seq {
		b := s.blocks[i]
		if b.bits != nil {
			for at := int(seq % blockLen); at < blockLen; at = at/64*64 + 64 {
				if open := ^b.bits[at/64] >> (at % 64); open != 0 {
					return b.first() + queue.Seq(at+bits.TrailingZeros64(open))
				}
			}
		}
		i, seq = i+1, b.first()+blockLen
	}
	return seq
}

// All reports whether everything in [from, to) is settled.
func (s Set) All(from, to queue.Seq) bool { return s.Next(from) >= to }

// Open returns how many sequence numbers in [from, to) are not settled.
func (s Set) Open(from, to queue.Seq) int64 {
	from = max(from, s.cursor)
	if from >= to {
		return 0
	}
	n := int64(to - from)
	i, _ := s.find(from)
	for ; i < len(s.blocks) && s.blocks[i].first() < to; i++ {
		b := s.blocks[i]
		lo, hi := max(from, b.first()), min(to, b.first()+blockLen)
		if b.bits == nil {
			n -= int64(hi - lo)
			continue
		}
		for at := lo; at < hi; {
			end := min(hi, at-at%64+64)
			n -= int64(bits.OnesCount64(b.bits[at%blockLen/64] & mask(at, end)))
			at = end
		}
	}
	return n
}

// mask returns the bits of [from, to), which are in one word.
func mask(from, to queue.Seq) uint64 {
	m := ^uint64(0) << (from % 64)
	if to%64 != 0 {
		m &= ^uint64(0) >> (64 - to%64)
	}
	return m
}

// Before returns s with everything before cursor settled.
func (s Set) Before(cursor queue.Seq) Set {
	cursor = max(cursor, s.cursor)
	i, ok := s.find(cursor)
	if ok && s.blocks[i].nothingFrom(int(cursor%blockLen)) {
		i++
	}
	return Set{cursor, s.blocks[i:]}
}

// Settle returns s with r settled. r must not span segments.
func (s Set) Settle(r queue.Range) Set {
	r.From = max(r.From, s.cursor)
	if r.From >= r.To {
		return s
	}
	first, last := uint64(r.From)>>blockBits, uint64(r.To-1)>>blockBits
	lo, _ := s.find(r.From)
	hi := lo
	blocks := slices.Clone(s.blocks[:lo])
	for num := first; num <= last; num++ {
		b := &Block{num: num, bits: new([words]uint64)}
		if hi < len(s.blocks) && s.blocks[hi].num == num {
			b = s.blocks[hi]
			hi++
		}
		blocks = append(blocks, b.settle(max(r.From, b.first()), min(r.To, b.first()+blockLen)))
	}
	return Set{s.cursor, append(blocks, s.blocks[hi:]...)}
}

// settle returns b with [from, to) settled, or b itself if that changes nothing.
func (b *Block) settle(from, to queue.Seq) *Block {
	if b.bits == nil {
		return b
	}
	w, full, same := *b.bits, true, true
	for at := from; at < to; {
		end := min(to, at-at%64+64)
		was := w[at%blockLen/64]
		w[at%blockLen/64] |= mask(at, end)
		same = same && was == w[at%blockLen/64]
		at = end
	}
	if same {
		return b
	}
	for _, word := range w {
		full = full && word == ^uint64(0)
	}
	if full {
		return &Block{num: b.num}
	}
	lo, hi := from-b.first(), to-b.first()
	parts := slices.DeleteFunc(slices.Clone(b.parts), func(p part) bool { return queue.Seq(p.at) >= lo && queue.Seq(p.at) < hi })
	return &Block{num: b.num, bits: &w, parts: parts}
}

// SettleSlots returns s with some conversions of a record settled. The record itself
// stays open.
func (s Set) SettleSlots(seq queue.Seq, slots queue.Slots) Set {
	if slots == 0 || s.Has(seq) || s.Slots(seq)&slots == slots {
		return s
	}
	i, ok := s.find(seq)
	b := &Block{num: uint64(seq) >> blockBits, bits: new([words]uint64)}
	blocks := slices.Clone(s.blocks)
	if ok {
		b = s.blocks[i]
	} else {
		blocks = slices.Insert(blocks, i, b)
	}
	c := &Block{num: b.num, bits: b.bits, parts: slices.Clone(b.parts)}
	at := uint16(seq % blockLen)
	if j, ok := findPart(c.parts, at); ok {
		c.parts[j].slots |= slots
	} else {
		c.parts = slices.Insert(c.parts, j, part{at, slots})
	}
	blocks[i] = c
	return Set{s.cursor, blocks}
}

// Keep returns s without the blocks of segments for which exists returns false.
func (s Set) Keep(exists func(segment uint64) bool) Set {
	gone := func(b *Block) bool { return !exists(b.Segment()) }
	if !slices.ContainsFunc(s.blocks, gone) {
		return s
	}
	return Set{s.cursor, slices.DeleteFunc(slices.Clone(s.blocks), gone)}
}

// Changes returns what must be written to turn the stored set was into s.
func (s Set) Changes(was Set) (put []*Block, gone []uint64) {
	i := 0
	for _, b := range s.blocks {
		for ; i < len(was.blocks) && was.blocks[i].num < b.num; i++ {
			gone = append(gone, was.blocks[i].num)
		}
		if i < len(was.blocks) && was.blocks[i].num == b.num {
			if i++; was.blocks[i-1] == b {
				continue
			}
		}
		put = append(put, b)
	}
	for ; i < len(was.blocks); i++ {
		gone = append(gone, was.blocks[i].num)
	}
	return put, gone
}
