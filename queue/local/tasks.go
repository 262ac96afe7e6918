package local

import (
	"slices"
	"sync"

	"relay/queue/local/internal/ids"
)

// task is something for the keeper.
type task struct {
	seal   *seg      // a tail that was rotated out
	ids    *ids.Tail // its ids
	repair bool      // it ended in doubt
	tidy   bool      // segments may have been passed
	room   bool      // the high mark is reached
	count  string    // a lane, what it has waiting is to be counted again
}

// tasks are what waits for the keeper.
type tasks struct {
	kick chan struct{} // there is one

	mu      sync.Mutex
	waiting []task
	unfiled []task // segments whose ids could not be written to a file yet
}

// put adds a task, unless one that does the same waits already.
func (ts *tasks) put(t task) {
	ts.mu.Lock()
	if !t.tidy && !t.room || !slices.ContainsFunc(ts.waiting, func(o task) bool { return o.tidy && t.tidy || o.room && t.room }) {
		ts.waiting = append(ts.waiting, t)
	}
	ts.mu.Unlock()
	select {
	case ts.kick <- struct{}{}:
	default:
	}
}

// next takes the first that is such a task.
func (ts *tasks) next(such func(task) bool) (t task, ok bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	i := slices.IndexFunc(ts.waiting, such)
	if i < 0 {
		return task{}, false
	}
	t = ts.waiting[i]
	ts.waiting = slices.Delete(ts.waiting, i, i+1)
	return t, true
}

// later keeps the ids of a segment that could not be filed, until they are tried again.
func (ts *tasks) later(s *seg, t *ids.Tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.unfiled = append(ts.unfiled, task{seal: s, ids: t})
}

// again takes all that later has kept.
func (ts *tasks) again() []task {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	again := ts.unfiled
	ts.unfiled = nil
	return again
}
