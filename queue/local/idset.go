package local

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// idSet is a set of ids in memory: open addressing, the hash is its own hash.
// idRow bytes a slot, at most three quarters full.
type idSet struct {
	slots []knownID
	n     int
	own   int      // of n: keys that relay made
	zero  *knownID // the one whose hash is all zero
}

func newIDSet(capacity int) *idSet {
	n := 1024
	for n*3/4 < capacity {
		n *= 2
	}
	return &idSet{slots: make([]knownID, n)}
}

// find gives the slot of h: where it is, or where it belongs.
func (s *idSet) find(h idHash) (*knownID, bool) {
	mask := uint64(len(s.slots) - 1)
	i := binary.LittleEndian.Uint64(h[:]) & mask
	for {
		switch k := &s.slots[i]; k.hash {
		case h:
			return k, true
		case idHash{}:
			return k, false
		}
		i = (i + 1) & mask
	}
}

func (s *idSet) get(h idHash) (knownID, bool) {
	if h == (idHash{}) {
		if s.zero == nil {
			return knownID{}, false
		}
		return *s.zero, true
	}
	k, ok := s.find(h)
	return *k, ok
}

// add adds an id. One that is there already stays as it is.
func (s *idSet) add(id knownID) {
	if id.hash == (idHash{}) {
		if s.zero == nil {
			s.zero = &id
		}
		return
	}
	k, ok := s.find(id.hash)
	if ok {
		return
	}
	*k = id
	if id.hash.own() {
		s.own++
	}
	if s.n++; s.n > len(s.slots)*3/4 {
		old := s.slots
		s.slots = make([]knownID, 2*len(old))
		for _, id := range old {
			if id.hash != (idHash{}) {
				k, _ := s.find(id.hash)
				*k = id
			}
		}
	}
}

// counted is how many of the ids were given by clients.
func (s *idSet) counted() int { return s.len() - s.own }

func (s *idSet) len() int {
	if s.zero != nil {
		return s.n + 1
	}
	return s.n
}

// sorted gives the rows of all ids, in the order of their hashes.
func (s *idSet) sorted() []byte {
	ids := make([]knownID, 0, s.len())
	for _, id := range s.slots {
		if id.hash != (idHash{}) {
			ids = append(ids, id)
		}
	}
	if s.zero != nil {
		ids = append(ids, *s.zero)
	}
	slices.SortFunc(ids, func(a, b knownID) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	out := make([]byte, 0, idRow*len(ids))
	for _, id := range ids {
		out = id.append(out)
	}
	return out
}

// mergeSorted makes one of two sorted lists of rows. Where both know an id, the
// row of a stays.
func mergeSorted(a, b []byte) []byte {
	out := make([]byte, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := compareIDs(a, b); {
		case c < 0:
			out, a = append(out, a[:idRow]...), a[idRow:]
		case c > 0:
			out, b = append(out, b[:idRow]...), b[idRow:]
		default:
			out, a, b = append(out, a[:idRow]...), a[idRow:], b[idRow:]
		}
	}
	return append(append(out, a...), b...)
}
