package admin

import (
	"testing"
	"time"

	"relay/relay/internal/api"
)

// A queue whose files grow while its events leave is not on its way to be full.
func TestFullSeconds(t *testing.T) {
	q := api.QueueInfo{Bytes: 20 << 20, MaxBytes: 100 << 20}
	for name, c := range map[string]struct {
		bytes, kept int64 // of the later sample; the earlier has 10 MiB and 50
		full        float64
	}{
		"events come":   {20 << 20, 90, 80},
		"events leave":  {20 << 20, 40, -1},
		"as many leave": {20 << 20, 50, -1},
		"files shrink":  {5 << 20, 90, -1},
	} {
		s := &Server{history: newHistory()}
		s.history.add(sample{at: noon, bytes: 10 << 20, kept: 50})
		s.history.add(sample{at: noon.Add(10 * time.Second), bytes: c.bytes, kept: c.kept})
		got := s.fullSeconds(q)
		if (got == nil) != (c.full < 0) || got != nil && *got != c.full {
			t.Errorf("%s: %v, want %v", name, got, c.full)
		}
	}
}
