package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
)

// Summary is what a segment holds, derived from its chunk headers.
type Summary struct {
	Records int64
	Chunks  int64
	Next    uint32 // index behind the last record
	Min     int64  // time of receipt, Unix ms
	Max     int64
	Missing int64 // sequence numbers no chunk stands for
	Lanes   []chunk.Lane
	Gaps    Gaps `json:"-"` // which those are; not stored, File.Check finds them again
}

// Gaps are ranges of indexes that no chunk of a segment stands for, ascending.
// Only a segment that was salvaged has any.
type Gaps []gap

type gap struct{ from, to uint32 }

// skip gives the first index at or behind at that does not lie in a gap.
func (g Gaps) skip(at uint32) uint32 {
	i, _ := slices.BinarySearchFunc(g, at, func(e gap, at uint32) int {
		if e.to <= at {
			return -1
		}
		return 1
	})
	if i < len(g) && g[i].from <= at {
		return g[i].to
	}
	return at
}

// Lane gives what there is for a lane; nil: nothing.
func (s *Summary) Lane(name string) *chunk.Lane {
	for i := range s.Lanes {
		if s.Lanes[i].Name == name {
			return &s.Lanes[i]
		}
	}
	return nil
}

// Add takes in the header of a further chunk.
func (s *Summary) Add(h *chunk.Header) {
	if s.Chunks == 0 || h.Min < s.Min {
		s.Min = h.Min
	}
	if s.Chunks == 0 || h.Max > s.Max {
		s.Max = h.Max
	}
	first := uint32(h.First)
	if first > s.Next {
		s.Gaps = append(s.Gaps, gap{s.Next, first})
	}
	s.Missing += int64(first) - int64(s.Next)
	s.Chunks++
	s.Records += int64(h.Count)
	s.Next = first + h.Span
	for i := range h.Lanes {
		c := &h.Lanes[i]
		l := s.Lane(c.Name)
		if l == nil {
			s.Lanes = append(s.Lanes, chunk.Lane{Name: c.Name, Min: c.Min})
			l = &s.Lanes[len(s.Lanes)-1]
		}
		l.Count += c.Count
		l.Bytes += c.Bytes
		l.Last = max(l.Last, c.Last)
		l.Min = min(l.Min, c.Min)
	}
}

// same says whether o was derived from the same chunks.
func (s *Summary) same(o *Summary) bool {
	return s.Records == o.Records && s.Chunks == o.Chunks && s.Next == o.Next && s.Min == o.Min && s.Max == o.Max &&
		s.Missing == o.Missing && slices.Equal(s.Lanes, o.Lanes)
}

// Clone gives a copy that shares nothing.
func (s *Summary) Clone() Summary {
	c := *s
	c.Lanes, c.Gaps = slices.Clone(s.Lanes), slices.Clone(s.Gaps)
	return c
}

func (s *Summary) encode() ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode summary: %w", err)
	}
	return binary.LittleEndian.AppendUint32(b, format.CRC(b)), nil
}

func decodeSummary(b []byte) (Summary, error) {
	if len(b) < 4 || format.CRC(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return Summary{}, format.Damaged("summary checksum")
	}
	var s Summary
	if err := json.Unmarshal(b[:len(b)-4], &s); err != nil {
		return Summary{}, format.Damaged("summary: %v", err)
	}
	return s, nil
}
