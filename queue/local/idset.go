package local

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// idSet is a set of id hashes in memory: open addressing, the hash is its own
// hash. 16 bytes a slot, at most three quarters full.
type idSet struct {
	slots []idHash
	n     int
	own   int  // of n: keys that relay made
	zero  bool // the hash that is all zero
}

func newIDSet(capacity int) *idSet {
	n := 1024
	for n*3/4 < capacity {
		n *= 2
	}
	return &idSet{slots: make([]idHash, n)}
}

func (s *idSet) find(h idHash) (int, bool) {
	mask := uint64(len(s.slots) - 1)
	i := binary.LittleEndian.Uint64(h[:]) & mask
	for {
		switch s.slots[i] {
		case h:
			return int(i), true
		case idHash{}:
			return int(i), false
		}
		i = (i + 1) & mask
	}
}

func (s *idSet) has(h idHash) bool {
	if h == (idHash{}) {
		return s.zero
	}
	_, ok := s.find(h)
	return ok
}

func (s *idSet) add(h idHash) {
	if h == (idHash{}) {
		s.zero = true
		return
	}
	i, ok := s.find(h)
	if ok {
		return
	}
	s.slots[i] = h
	if h.own() {
		s.own++
	}
	if s.n++; s.n > len(s.slots)*3/4 {
		old := s.slots
		s.slots = make([]idHash, 2*len(old))
		for _, h := range old {
			if h != (idHash{}) {
				i, _ := s.find(h)
				s.slots[i] = h
			}
		}
	}
}

// counted is how many of the hashes are of ids that clients gave.
func (s *idSet) counted() int { return s.len() - s.own }

func (s *idSet) len() int {
	if s.zero {
		return s.n + 1
	}
	return s.n
}

// sorted gives the hashes in order, 16 bytes each.
func (s *idSet) sorted() []byte {
	hs := make([]idHash, 0, s.len())
	for _, h := range s.slots {
		if h != (idHash{}) {
			hs = append(hs, h)
		}
	}
	if s.zero {
		hs = append(hs, idHash{})
	}
	return sortHashes(hs)
}

func sortHashes(hs []idHash) []byte {
	slices.SortFunc(hs, func(a, b idHash) int { return bytes.Compare(a[:], b[:]) })
	hs = slices.Compact(hs)
	out := make([]byte, 0, 16*len(hs))
	for i := range hs {
		out = append(out, hs[i][:]...)
	}
	return out
}

func mergeSorted(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := bytes.Compare(a[:16], b[:16]); {
		case c < 0:
			out, a = append(out, a[:16]...), a[16:]
		case c > 0:
			out, b = append(out, b[:16]...), b[16:]
		default:
			out, a, b = append(out, a[:16]...), a[16:], b[16:]
		}
	}
	return append(append(out, a...), b...)
}
