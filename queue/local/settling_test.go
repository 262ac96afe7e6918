package local

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/step"
)

// A lane has settled a segment out of order and is settled again while the segment is unlinked. If
// the process ends while the file still exists, the lane does not read it again.
func TestSettleDuringUnlink(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q := openTest(t, dir, stepOptions())
	opened(t, q)
	mustAppend(t, q, entry("waits", "a"))
	rotateNow(t, q)
	mustAppend(t, q, entry("done", "a"))
	rotateNow(t, q)
	mustAppend(t, q, entry("next", "a"))
	filed(t, q)
	copied := filepath.Join(t.TempDir(), "queue")
	stop := step.Watch(func(k step.Kind, path string) (end func()) {
		if k == step.Unlink && filepath.Dir(path) == dir {
			if err := pick(q, "a", oneOf("next"), none, nil); err != nil {
				t.Error(err)
			}
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Error(err)
			}
		}
		return func() {}
	})
	defer stop()
	if err := pick(q, "a", oneOf("done"), none, nil); err != nil {
		t.Fatal(err)
	}
	until(t, "the segment is gone", func() bool { return q.Stats().Segments == 2 && !leaves(q) })
	if err := reopened(t, copied, stepOptions(), func(q *Queue) error {
		v, err := look(q)
		if got := fmt.Sprint(v.waits["a"]); err == nil && got != "[waits:0]" {
			err = fmt.Errorf("%s", got)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func leaves(q *Queue) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.leaving) > 0
}

// Moving or dropping a lane waits for a settlement in progress.
func TestMoveAndDropWaitForSettlement(t *testing.T) {
	for name, do := range map[string]func(q *Queue) error{
		"move": func(q *Queue) error { _, err := q.MoveLane("a", "b"); return err },
		"drop": func(q *Queue) error { return q.DropLane("a") },
	} {
		t.Run(name, func(t *testing.T) {
			q := openTest(t, t.TempDir(), stepOptions())
			opened(t, q)
			mustAppend(t, q, entry("m-1", "a"), entry("m-2", "a"))
			var once sync.Once
			done := make(chan error, 1)
			stop := step.Watch(func(_ step.Kind, path string) (end func()) {
				if filepath.Base(path) == meta.Name {
					once.Do(func() { // during the settlement
						go func() { done <- do(q) }()
						for range 10_000 {
							runtime.Gosched()
						}
					})
				}
				return func() {}
			})
			defer stop()
			if err := pick(q, "a", oneOf("m-1"), none, nil); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
			if n := waiting(t, q, "a"); n != 0 {
				t.Errorf("%d records are pending", n)
			}
		})
	}
}
