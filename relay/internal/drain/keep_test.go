package drain

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"relay/queue"
	"relay/queue/local"
)

// Settings.KeepUnmapped alone says how long unmapped events are kept: the queue
// itself ends nothing by its age.
func TestKeepUnmappedOnARealQueue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		keep time.Duration
		left int64
	}{
		{48 * time.Hour, 1},
		{24 * time.Hour, 0},
		{0, 0},
	} {
		t.Run(tt.keep.String(), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				q, err := local.Open(dir, local.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
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

// An event that is stored by the routes of a mapping that did not know its name,
// after the one that does has looked: it goes to its lane, and is not settled as
// unmapped.
func TestUnmappedAskedBeforeItGoes(t *testing.T) {
	t.Parallel()
	for _, keep := range []time.Duration{24 * time.Hour, 0} {
		t.Run(keep.String(), func(t *testing.T) { lateUnmapped(t, keep) })
	}
}

func lateUnmapped(t *testing.T, keep time.Duration) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		q, err := local.Open(dir, local.Options{NoSync: true, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		w := newWorld(t)
		w.opts.Log, w.opts.Settings.KeepUnmapped = q, keep
		w.mapping.routes = map[string][]string{"Gift Card Sold": {"a"}}
		w.run()
		defer func() { w.stop() }()
		pass(10 * time.Second) // the mapping was asked about all there was
		if _, err := q.Append(t.Context(), []queue.Entry{{
			ID: "late", Lanes: []string{queue.LaneUnmapped}, Received: time.Now(), Body: []byte(`{"event":"Gift Card Sold","messageId":"late"}`),
		}}); err != nil {
			t.Fatal(err)
		}
		pass(15 * time.Second)
		if l, _ := q.Lane(queue.LaneUnmapped); l.Counts["skip:unmapped"] != 0 || l.Pending != 0 {
			t.Errorf("settled as unmapped: %+v", l)
		}
		if l, _ := q.Lane("a"); l.Pending+l.Counts["delivered"] != 1 {
			t.Errorf("not in its lane: %+v", l)
		}
	})
}
