// Package settled is what one lane has settled, as a value: a cursor, before which
// everything is, and blocks for what is settled behind it, out of order.
//
//	cursor ──►|        block         |        block         |
//	settled...|..x......xxxx.........|xxxxxxxxxxxxxxxxxxxxxx|
//
// A block stands for 4,096 sequence numbers of one segment and is a row of its own
// where it is stored: a settlement writes the blocks it touches, of at most a few
// hundred bytes each, however much waits; one that is settled whole takes a byte.
package settled

import (
	"math/bits"
	"slices"

	"relay/queue"
)

const (
	blockBits = 12
	blockLen  = 1 << blockBits // sequence numbers of a block
	words     = blockLen / 64
)

// Set is what is settled. It is a value: whoever changes it gets another one, and
// the two share the blocks that are equal. The zero Set is empty.
type Set struct {
	cursor queue.Seq
	blocks []*Block // ascending; each has something settled behind cursor
}

// Block is part of a Set. It is never changed.
type Block struct {
	num   uint64         // of its first sequence number, >> blockBits
	bits  *[words]uint64 // nil: all of it is settled
	parts []part         // ascending; none of a record that is settled whole
}

// part is a record of which some conversions are settled.
type part struct {
	at    uint16 // in the block
	slots queue.Slots
}

func (b *Block) first() queue.Seq { return queue.Seq(b.num << blockBits) }

func (b *Block) has(at int) bool { return b.bits == nil || b.bits[at/64]&(1<<(at%64)) != 0 }

// nothingFrom says that nothing at or behind at is settled.
func (b *Block) nothingFrom(at int) bool {
	if b.bits == nil || b.bits[at/64]>>(at%64) != 0 || len(b.parts) > 0 && int(b.parts[len(b.parts)-1].at) >= at {
		return false
	}
	return !slices.ContainsFunc(b.bits[at/64+1:], func(w uint64) bool { return w != 0 })
}

// New is a set of blocks, in any order, behind a cursor.
func New(cursor queue.Seq, blocks []*Block) Set {
	s := Set{blocks: slices.Clone(blocks)}
	slices.SortFunc(s.blocks, func(x, y *Block) int { return int(int64(x.num) - int64(y.num)) })
	return s.Before(cursor)
}

// Cursor is where the first sequence number is that is not settled, as far as that
// is known: everything before it is.
func (s Set) Cursor() queue.Seq { return s.cursor }

// find gives the place of the block that seq lies in, or would.
func (s Set) find(seq queue.Seq) (int, bool) {
	return slices.BinarySearchFunc(s.blocks, uint64(seq)>>blockBits, func(b *Block, num uint64) int {
		return int(int64(b.num) - int64(num))
	})
}

// Has says whether seq is settled.
func (s Set) Has(seq queue.Seq) bool {
	if seq < s.cursor {
		return true
	}
	i, ok := s.find(seq)
	return ok && s.blocks[i].has(int(seq%blockLen))
}

// Slots are the conversions of a record that are settled while others are not.
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

// Next gives the first sequence number at or behind seq that is not settled.
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

// All says whether everything in [from, to) is settled.
func (s Set) All(from, to queue.Seq) bool { return s.Next(from) >= to }

// Open counts what is not settled in [from, to).
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

// mask has the bits of [from, to), which lie in one word.
func mask(from, to queue.Seq) uint64 {
	m := ^uint64(0) << (from % 64)
	if to%64 != 0 {
		m &= ^uint64(0) >> (64 - to%64)
	}
	return m
}

// Before is s with everything before cursor settled.
func (s Set) Before(cursor queue.Seq) Set {
	cursor = max(cursor, s.cursor)
	i, ok := s.find(cursor)
	if ok && s.blocks[i].nothingFrom(int(cursor%blockLen)) {
		i++
	}
	return Set{cursor, s.blocks[i:]}
}

// Settle is s with r settled, which lies in one segment.
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

// settle is b with [from, to) settled, or b itself if all of that was.
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

// SettleSlots is s with conversions of a record settled that has others open.
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

// Keep is s without the blocks of segments that there says are gone.
func (s Set) Keep(there func(segment uint64) bool) Set {
	gone := func(b *Block) bool { return !there(b.Segment()) }
	if !slices.ContainsFunc(s.blocks, gone) {
		return s
	}
	return Set{s.cursor, slices.DeleteFunc(slices.Clone(s.blocks), gone)}
}

// Changes says what must be written to make was, where it is stored, into s.
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
