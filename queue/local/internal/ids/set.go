package ids

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// set is a set of ids in memory: a hash table with open addressing, indexed by the first
// bits of the hash itself. It takes Row bytes a slot and is at most three quarters full.
type set struct {
	slots []Known
	n     int
	own   int    // of n: keys that relay made, sales included
	sales int    // of own: those of sales
	zero  *Known // the id whose hash is all zeros: such a slot is empty
}

func newSet(capacity int) *set {
	n := 1024
	for n*3/4 < capacity {
		n *= 2
	}
	return &set{slots: make([]Known, n)}
}

// find returns the slot of h, or the empty slot where it belongs.
func (s *set) find(h Hash) (*Known, bool) {
	mask := uint64(len(s.slots) - 1)
	i := binary.LittleEndian.Uint64(h[:]) & mask
	for {
		switch k := &s.slots[i]; k.Hash {
		case h:
			return k, true
		case Hash{}:
			return k, false
		}
		i = (i + 1) & mask
	}
}

func (s *set) get(h Hash) (Known, bool) {
	if h == (Hash{}) {
		if s.zero == nil {
			return Known{}, false
		}
		return *s.zero, true
	}
	k, ok := s.find(h)
	return *k, ok
}

// add adds an id, unless it is in the set already.
func (s *set) add(id Known) {
	if id.Hash == (Hash{}) {
		if s.zero == nil {
			s.zero = new(Known) // not &id, which would make every call allocate
			*s.zero = id
		}
		return
	}
	k, ok := s.find(id.Hash)
	if ok {
		return
	}
	*k = id
	if id.Hash.Own() {
		s.own++
	}
	if id.Hash.Sale() {
		s.sales++
	}
	if s.n++; s.n > len(s.slots)*3/4 {
		old := s.slots
		s.slots = make([]Known, 2*len(old))
		for _, id := range old {
			if id.Hash != (Hash{}) {
				k, _ := s.find(id.Hash)
				*k = id
			}
		}
	}
}

// onlySales returns the set of the sales in s.
func (s *set) onlySales() *set {
	out := newSet(s.sales)
	for i := range s.slots {
		if k := &s.slots[i]; k.Hash.Sale() {
			out.add(*k)
		}
	}
	return out
}

// split divides sorted rows into sales and others, by kind.
func split(sorted []byte, sales int) (of [2][]byte) {
	of[0], of[1] = sorted, nil
	if sales == 0 {
		return of
	}
	of[0], of[1] = make([]byte, 0, len(sorted)-sales*Row), make([]byte, 0, sales*Row)
	for at := 0; at < len(sorted); at += Row {
		k := kindOf(rowAt(sorted[at:]).Hash.Sale())
		of[k] = append(of[k], sorted[at:at+Row]...)
	}
	return of
}

// counted returns how many ids count towards the maximum of clients' ids.
func (s *set) counted() int { return s.len() - s.own }

func (s *set) len() int {
	if s.zero != nil {
		return s.n + 1
	}
	return s.n
}

// sorted returns all rows in the order of their hashes. Hashes are evenly distributed:
// once the rows are placed by their first bits, few are left to compare.
func (s *set) sorted() []byte {
	n := s.len()
	out := make([]byte, Row*n)
	shift := 32 - min(bits.Len(uint(n)), 16)
	first := func(h *Hash) uint32 { return uint32(uint64(binary.BigEndian.Uint32(h[:])) >> shift) }
	ends := make([]int32, 1<<(32-shift)+1) // per value of the first bits: where its rows begin, later where they end
	for i := range s.slots {
		if k := &s.slots[i]; k.Hash != (Hash{}) {
			ends[first(&k.Hash)+1]++
		}
	}
	if s.zero != nil {
		ends[1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	place := func(k *Known) {
		at := &ends[first(&k.Hash)]
		k.append(out[Row**at : Row**at])
		*at++
	}
	if s.zero != nil {
		place(s.zero)
	}
	for i := range s.slots {
		if k := &s.slots[i]; k.Hash != (Hash{}) {
			place(k)
		}
	}
	from := int32(0)
	for _, end := range ends[:len(ends)-1] {
		if end-from > 1 {
			sort.Sort(rows(out[Row*from : Row*end]))
		}
		from = end
	}
	return out
}

// rows implements sort.Interface in place.
type rows []byte

func (r rows) Len() int           { return len(r) / Row }
func (r rows) Less(i, j int) bool { return compare(r[Row*i:], r[Row*j:]) < 0 }
func (r rows) Swap(i, j int) {
	a, b := (*[Row]byte)(r[Row*i:]), (*[Row]byte)(r[Row*j:])
	*a, *b = *b, *a
}

// mergeSorted merges two sorted lists of rows. If both have an id, it takes the row of a.
func mergeSorted(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := compare(a, b); {
		case c < 0:
			out, a = append(out, a[:Row]...), a[Row:]
		case c > 0:
			out, b = append(out, b[:Row]...), b[Row:]
		default:
			out, a, b = append(out, a[:Row]...), a[Row:], b[Row:]
		}
	}
	return append(append(out, a...), b...)
}
