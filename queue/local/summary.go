package local

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// summary is what a segment holds, derived from its chunk headers.
type summary struct {
	Records int64
	Chunks  int64
	Next    uint32 // index behind the last record
	Min     int64  // time of receipt, Unix ms
	Max     int64
	Missing int64 // sequence numbers no chunk stands for
	lanes   []chunkLane
	gaps    gaps // which those are; not stored, segment.check finds them again
}

// gaps are ranges of indexes that no chunk of a segment stands for, ascending.
// Only a segment that was salvaged has any.
type gaps []gap

type gap struct{ from, to uint32 }

// skip gives the first index at or behind at that does not lie in a gap.
func (g gaps) skip(at uint32) uint32 {
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

type summaryJSON struct {
	summary
	Lanes []laneJSON
}

type laneJSON struct {
	Name  string
	Count uint32
	Last  uint32
	Bytes uint64
	Min   int64
}

func (s *summary) lane(name string) *chunkLane {
	for i := range s.lanes {
		if s.lanes[i].name == name {
			return &s.lanes[i]
		}
	}
	return nil
}

// add takes in the header of a further chunk.
func (s *summary) add(h *chunkHeader) {
	if s.Chunks == 0 || h.min < s.Min {
		s.Min = h.min
	}
	if s.Chunks == 0 || h.max > s.Max {
		s.Max = h.max
	}
	first := uint32(h.first)
	if first > s.Next {
		s.gaps = append(s.gaps, gap{s.Next, first})
	}
	s.Missing += int64(first) - int64(s.Next)
	s.Chunks++
	s.Records += int64(h.count)
	s.Next = first + h.span
	for i := range h.lanes {
		c := &h.lanes[i]
		l := s.lane(c.name)
		if l == nil {
			s.lanes = append(s.lanes, chunkLane{name: c.name, min: c.min})
			l = &s.lanes[len(s.lanes)-1]
		}
		l.count += c.count
		l.bytes += c.bytes
		l.last = max(l.last, c.last)
		l.min = min(l.min, c.min)
	}
}

// same says whether o was derived from the same chunks.
func (s *summary) same(o *summary) bool {
	return s.Records == o.Records && s.Chunks == o.Chunks && s.Next == o.Next && s.Min == o.Min && s.Max == o.Max &&
		s.Missing == o.Missing && slices.Equal(s.lanes, o.lanes)
}

func (s *summary) clone() summary {
	c := *s
	c.lanes, c.gaps = slices.Clone(s.lanes), slices.Clone(s.gaps)
	return c
}

func (s *summary) encode() ([]byte, error) {
	j := summaryJSON{summary: *s}
	for _, l := range s.lanes {
		j.Lanes = append(j.Lanes, laneJSON{l.name, l.count, l.last, l.bytes, l.min})
	}
	b, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode summary: %w", err)
	}
	return binary.LittleEndian.AppendUint32(b, crc(b)), nil
}

func decodeSummary(b []byte) (summary, error) {
	if len(b) < 4 || crc(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return summary{}, damaged("summary checksum")
	}
	var j summaryJSON
	if err := json.Unmarshal(b[:len(b)-4], &j); err != nil {
		return summary{}, damaged("summary: %v", err)
	}
	for _, l := range j.Lanes {
		j.lanes = append(j.lanes, chunkLane{l.Name, l.Count, l.Last, l.Bytes, l.Min})
	}
	return j.summary, nil
}
