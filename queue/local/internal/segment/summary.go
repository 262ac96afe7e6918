package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"relay/queue/internal/chunk"
	"relay/queue/internal/format"
)

// Summary describes the contents of a segment. It is derived from the chunk headers.
type Summary struct {
	Records int64
	Chunks  int64
	Next    uint32 // index after the last record
	Min     int64  // time of receipt, Unix ms
	Max     int64
	Missing int64 // sequence numbers that no chunk covers
	Lanes   []chunk.Lane
	Gaps    Gaps `json:"-"` // where the missing numbers are; not stored, File.Check finds them again
}

// Gaps are the ranges of indexes that no chunk of a segment covers, ascending. Only a
// salvaged segment has any.
type Gaps []gap

type gap struct{ from, to uint32 }

// skip returns the first index >= at that is not in a gap.
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

// Lane returns what the segment holds for a lane, or nil if it holds nothing.
func (s *Summary) Lane(name string) *chunk.Lane {
	for i := range s.Lanes {
		if s.Lanes[i].Name == name {
			return &s.Lanes[i]
		}
	}
	return nil
}

// Add adds the header of the next chunk.
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

// same reports whether o was derived from the same chunks.
func (s *Summary) same(o *Summary) bool {
	return s.Records == o.Records && s.Chunks == o.Chunks && s.Next == o.Next && s.Min == o.Min && s.Max == o.Max &&
		s.Missing == o.Missing && slices.Equal(s.Lanes, o.Lanes)
}

// Clone returns a deep copy.
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
		return Summary{}, format.Damaged("wrong checksum of the summary")
	}
	var s Summary
	if err := json.Unmarshal(b[:len(b)-4], &s); err != nil {
		return Summary{}, format.Damaged("summary: %v", err)
	}
	return s, nil
}
