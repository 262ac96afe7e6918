package chunk

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// laneSets numbers the distinct lane sets of a chunk's records.
type laneSets struct {
	lanes []Lane
	byKey map[string]int // by SetKey
	sets  [][]int        // indexes into lanes
	last  string
	lastN int
}

// SetKey returns a key for a list of lanes: lists have equal keys if and only if they are equal,
// including their order.
func SetKey(lanes []string) string {
	for _, l := range lanes {
		if l == "" || strings.IndexByte(l, 0) >= 0 {
			return fmt.Sprintf("\x00%q", lanes) // names that the separator would not keep apart
		}
	}
	if len(lanes) == 1 {
		return lanes[0]
	}
	return strings.Join(lanes, "\x00")
}

func (s *laneSets) reset() {
	s.lanes, s.sets, s.last = s.lanes[:0], s.sets[:0], ""
	if s.byKey == nil {
		s.byKey = make(map[string]int)
	}
	clear(s.byKey)
}

// add counts a record with index idx for its lanes and returns the number of their set.
func (s *laneSets) add(it *Item, idx uint32) int {
	n := s.lastN
	if it.SetKey != s.last || len(s.sets) == 0 {
		var ok bool
		if n, ok = s.byKey[it.SetKey]; !ok {
			set := make([]int, 0, len(it.Lanes))
			for _, name := range it.Lanes {
				set = append(set, s.index(name))
			}
			n = len(s.sets)
			s.sets = append(s.sets, set)
			s.byKey[it.SetKey] = n
		}
		s.last, s.lastN = it.SetKey, n
	}
	for _, i := range s.sets[n] {
		s.lanes[i].add(idx, uint64(len(it.Body)), it.Received)
	}
	return n
}

func (l *Lane) add(idx uint32, bytes uint64, received int64) {
	if l.Count == 0 || received < l.Min {
		l.Min = received
	}
	l.Count++
	l.Last = idx
	l.Bytes += bytes
}

func (s *laneSets) index(name string) int {
	if i := slices.IndexFunc(s.lanes, func(l Lane) bool { return l.Name == name }); i >= 0 {
		return i
	}
	s.lanes = append(s.lanes, Lane{Name: name})
	return len(s.lanes) - 1
}

// appendTable appends the table of sets with which a payload begins.
func (s *laneSets) appendTable(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.sets)))
	for _, set := range s.sets {
		b = binary.AppendUvarint(b, uint64(len(set)))
		for _, i := range set {
			b = binary.AppendUvarint(b, uint64(i))
		}
	}
	return b
}
