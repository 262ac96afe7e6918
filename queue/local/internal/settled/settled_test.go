package settled

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"relay/queue"
)

// model is a simple reference implementation of Set.
type model struct {
	cursor queue.Seq
	in     map[queue.Seq]bool
	slots  map[queue.Seq]queue.Slots
}

const first = queue.Seq(7) << 32 // of the segment used by the tests

func (m *model) has(seq queue.Seq) bool { return seq < m.cursor || m.in[seq] }

func check(t *testing.T, s Set, m *model, end queue.Seq) {
	t.Helper()
	next, open := end, int64(0)
	for at := end; at > first; {
		at--
		if got := s.Has(at); got != m.has(at) {
			t.Fatalf("%x is settled: %v, want %v", at, got, m.has(at))
		}
		if !m.has(at) {
			next = at
			open++
			if got := s.Slots(at); got != m.slots[at] {
				t.Fatalf("%x has slots %b, want %b", at, got, m.slots[at])
			}
		} else if got := s.Slots(at); got != 0 && at >= m.cursor {
			t.Fatalf("%x is settled completely and has slots %b", at, got)
		}
		if got := s.Next(at); min(got, end) != next {
			t.Fatalf("Next(%x) is %x, want %x", at, got, next)
		}
		if at%97 == 0 {
			if got := s.Open(at, end); got != open {
				t.Fatalf("%d are open from %x on, want %d", got, at, open)
			}
			if got := s.All(at, end); got != (open == 0) {
				t.Fatalf("all settled from %x on: %v, but %d are open", at, got, open)
			}
		}
	}
}

// stored returns s after it was written over was and read again.
func stored(t *testing.T, s Set, rows map[uint64][]byte, was Set) Set {
	t.Helper()
	put, gone := s.Changes(was)
	for _, num := range gone {
		if rows[num] == nil {
			t.Fatalf("row %x is removed but does not exist", num)
		}
		delete(rows, num)
	}
	for _, b := range put {
		rows[b.Num()] = b.Encode()
	}
	var blocks []*Block
	for num, row := range rows {
		b, err := Decode(num, row)
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	return New(s.Cursor(), blocks)
}

func TestModel(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		end := first + 3*blockLen + queue.Seq(rng.IntN(blockLen))
		m := &model{cursor: first, in: map[queue.Seq]bool{}, slots: map[queue.Seq]queue.Slots{}}
		s, rows := New(first, nil), map[uint64][]byte{}
		for range 60 {
			from := first + queue.Seq(rng.IntN(int(end-first)))
			to := min(end, from+1+queue.Seq(rng.IntN([]int{1, 3, 70, 5000}[rng.IntN(4)])))
			was := s
			switch rng.IntN(6) {
			case 0:
				slots := queue.Slots(1 + rng.IntN(7))
				s = s.SettleSlots(from, slots)
				if !m.has(from) {
					m.slots[from] |= slots
				}
			case 1:
				cursor := m.cursor + queue.Seq(rng.IntN(300))
				s = s.Before(cursor)
				m.cursor = max(m.cursor, min(cursor, end))
				s = New(m.cursor, s.blocks)
			default:
				s = s.Settle(queue.Range{From: from, To: to})
				for at := from; at < to; at++ {
					m.in[at] = true
				}
			}
			again := stored(t, s, rows, was)
			if put, gone := again.Changes(s); len(gone) > 0 || slices.ContainsFunc(put, func(b *Block) bool {
				i, ok := s.find(b.first())
				return !ok || !bytes.Equal(s.blocks[i].Encode(), b.Encode())
			}) {
				t.Fatalf("seed %d: a different set is read back", seed)
			}
			if again.Settle(queue.Range{From: from, To: from + 1}); rng.IntN(3) == 0 {
				s = again
			}
		}
		check(t, s, m, end)
	}
}

// A Set is a value: methods return a new Set and leave the old one unchanged.
func TestSetIsImmutable(t *testing.T) {
	a := New(first, nil).Settle(queue.Range{From: first + 10, To: first + 20}).SettleSlots(first+30, 1)
	a.Settle(queue.Range{From: first, To: first + 100})
	a.SettleSlots(first+30, 2)
	a.SettleSlots(first+31, 2)
	a.Before(first + 15)
	if a.Next(first) != first || a.Next(first+10) != first+20 || a.Slots(first+30) != 1 || a.Slots(first+31) != 0 || a.Cursor() != first {
		t.Errorf("the set changed: %+v", a)
	}
}

// The size of the stored rows does not depend on how many records are pending, or how often
// they were settled out of order.
func TestRowsAreBounded(t *testing.T) {
	s := New(first, nil)
	for at := first + 1; at < first+1_000_000; at += 2 {
		if at%1000 == 1 {
			s = s.Settle(queue.Range{From: at, To: at + 1})
		}
	}
	put, _ := s.Changes(New(first, nil))
	size := 0
	for _, b := range put {
		size += len(b.Encode())
	}
	if size > 250*520 {
		t.Errorf("a million partly settled records take %d bytes", size)
	}
	for _, b := range s.blocks {
		s = s.Settle(queue.Range{From: max(b.first(), first+1), To: b.first() + blockLen})
	}
	put, _ = s.Changes(New(first, nil))
	size = 0
	for _, b := range put {
		size += len(b.Encode())
	}
	if len(put) != 245 || size > 245+520 {
		t.Errorf("a million settled records after an open one take %d rows of %d bytes", len(put), size)
	}
	if s = s.Before(s.Next(first + 1)); len(s.blocks) != 0 {
		t.Errorf("%d blocks before the cursor are left", len(s.blocks))
	}
}

func TestKeep(t *testing.T) {
	s := New(first, nil)
	for seg := range queue.Seq(3) {
		at := first + seg<<32
		s = s.Settle(queue.Range{From: at + 1, To: at + 2*blockLen})
	}
	if put, gone := s.Keep(func(uint64) bool { return true }).Changes(s); len(put)+len(gone) != 0 {
		t.Error("something went of segments that are there")
	}
	gone := s.Keep(func(num uint64) bool { return num != 8 })
	if gone.Has(first+1<<32+1) || !gone.Has(first+1) || !gone.Has(first+2<<32+1) {
		t.Error("not the blocks of one segment went")
	}
	if put, nums := gone.Changes(s); len(put) != 0 || len(nums) != 2 {
		t.Errorf("%d rows to write, %d to remove", len(put), len(nums))
	}
}

// Bytes that are not the row of a block are an error.
func TestInvalidRows(t *testing.T) {
	half := New(first, nil).Settle(queue.Range{From: first, To: first + 64}).blocks[0].Encode()
	for name, row := range map[string][]byte{
		"empty":                            {},
		"of no kind":                       {3},
		"full, and more":                   {rowFull, 0},
		"of bits, cut short":               half[:len(half)-1],
		"of no kind, of the right length":  append([]byte{0}, half[1:]...),
		"part without slots":               append(bytes.Clone(half), 100, 0),
		"part that is cut short":           append(bytes.Clone(half), 100),
		"part of what is settled whole":    append(bytes.Clone(half), 63, 1),
		"part behind the block":            binary.AppendUvarint(bytes.Clone(half), blockLen),
		"parts that end behind the block":  append(bytes.Clone(half), 100, 1, 0xff, 0x7f, 1),
		"the same part twice":              append(bytes.Clone(half), 100, 1, 0, 2),
		"a distance larger than a number":  append(bytes.Clone(half), 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 1),
		"a distance that wraps the number": append(append(bytes.Clone(half), 100, 1), append(binary.AppendUvarint(nil, 1<<64-20), 1)...),
	} {
		if b, err := Decode(3, row); err == nil {
			t.Errorf("%s: decoded as %+v", name, b)
		}
	}
	for _, row := range [][]byte{{rowFull}, half, append(bytes.Clone(half), 64, 1)} {
		if b, err := Decode(3, row); err != nil || !bytes.Equal(b.Encode(), row) {
			t.Errorf("%x: %v", row, err)
		}
	}
}

// Nothing is open in an empty range or before the cursor.
func TestOpenEmptyRange(t *testing.T) {
	s := New(first+10, nil)
	for _, r := range []queue.Range{{From: first, To: first + 10}, {From: first + 20, To: first + 20}, {From: first + 20, To: first + 15}} {
		if n := s.Open(r.From, r.To); n != 0 {
			t.Errorf("%x: %d", r, n)
		}
	}
	if n := s.Open(first, first+11); n != 1 {
		t.Errorf("%d open, want the one at the cursor", n)
	}
}

func FuzzRow(f *testing.F) {
	f.Add([]byte{rowFull})
	f.Add(New(first, nil).Settle(queue.Range{From: first + 1, To: first + 99}).SettleSlots(first, 5).SettleSlots(first+300, 2).blocks[0].Encode())
	f.Fuzz(func(t *testing.T, row []byte) {
		b, err := Decode(3, row)
		if err != nil {
			return
		}
		again, err := Decode(3, b.Encode())
		if err != nil || !bytes.Equal(again.Encode(), b.Encode()) || !slices.Equal(again.parts, b.parts) {
			t.Errorf("%x reads back as %x, %v", b.Encode(), again.Encode(), err)
		}
		s := New(0, []*Block{b})
		for at := b.first(); at < b.first()+blockLen; at++ {
			if s.Has(at) && s.Slots(at) != 0 {
				t.Errorf("%x is settled completely and partly", at)
			}
		}
	})
}
