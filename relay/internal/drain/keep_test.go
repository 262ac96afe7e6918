package drain

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
)

// Settings.KeepUnmapped alone says how long unmapped events are kept: the queue
// itself ends nothing by its age.
func TestKeepUnmappedOnARealQueue(t *testing.T) {
	for _, tt := range []struct {
		keep time.Duration
		left int64
	}{
		{48 * time.Hour, 1},
		{24 * time.Hour, 0},
	} {
		t.Run(tt.keep.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				q, err := queue.Open(dir, queue.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				defer q.Close()
				if _, err := q.Append(t.Context(), []queue.Entry{{
					ID: "never known", Lanes: []string{queue.LaneUnmapped}, Received: time.Now().Add(-30 * time.Hour), Body: []byte(`{"event":"Till Opened"}`),
				}}); err != nil {
					t.Fatal(err)
				}
				w := newWorld(t)
				w.opts.Log, w.opts.Settings.KeepUnmapped = q, tt.keep
				w.run()
				defer func() { w.stop() }()
				pass(10 * time.Second)
				l, _ := q.Lane(queue.LaneUnmapped)
				if l.Pending != tt.left || l.Counts["skip:unmapped"] != 1-tt.left || len(q.Stats().Dropped) != 0 {
					t.Errorf("%d waiting, counts %v, dropped %v", l.Pending, l.Counts, q.Stats().Dropped)
				}
			})
		})
	}
}
