package admin

import (
	"testing"
	"time"

	"relay/queue"
)

// The age of events received by a clock in 1970 is that of their corrected time, or none.
func TestOldestOfWrongClock(t *testing.T) {
	wrong := time.Date(1970, 1, 10, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		period uint8
		known  bool
	}{{1, true}, {2, false}} {
		q := &memQueue{}
		q.hold(queue.Record{ID: "a", Received: wrong, Lanes: []string{"701000000000001"}, Flags: queue.Flags(0).WithClockPeriod(c.period), Seq: 1})
		s := &Server{o: Options{Queue: q, Delivery: Delivery{Drain: &memDrain{}}}}
		got := s.oldest(queue.LaneStat{Name: "701000000000001", Pending: 1, Oldest: wrong})
		if want := wrong.AddDate(56, 0, 0); c.known && !got.Equal(want) || !c.known && !got.IsZero() {
			t.Errorf("period %d: %s", c.period, got)
		}
	}
}
