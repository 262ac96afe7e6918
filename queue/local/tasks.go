package local

import (
	"slices"
	"sync"

	"relay/queue/local/internal/ids"
)

// task is work for the background goroutine. One of seal, tidy, room and count is set.
type task struct {
	seal   *seg      // a tail that was rotated out
	ids    *ids.Tail // its ids
	repair bool      // its last commit is in doubt
	unlink bool      // remove segments that are settled
	room   bool      // free space: the high mark is reached
	count  string    // recount the pending records of this lane
}

// tasks are the tasks that wait for the background goroutine.
type tasks struct {
	kick chan struct{} // a task was added

	mu      sync.Mutex
	waiting []task
	unfiled []task // segments whose ids could not be written to a file yet
}

// put adds a task, unless an equal one is waiting already.
func (ts *tasks) put(t task) {
	ts.mu.Lock()
	if !t.unlink && !t.room || !slices.ContainsFunc(ts.waiting, func(o task) bool { return o.unlink && t.unlink || o.room && t.room }) {
		ts.waiting = append(ts.waiting, t)
	}
	ts.mu.Unlock()
	select {
	case ts.kick <- struct{}{}:
	default:
	}
}

// next takes the first task for which match returns true.
func (ts *tasks) next(match func(task) bool) (t task, ok bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	i := slices.IndexFunc(ts.waiting, match)
	if i < 0 {
		return task{}, false
	}
	t = ts.waiting[i]
	ts.waiting = slices.Delete(ts.waiting, i, i+1)
	return t, true
}

// later keeps the ids of a segment whose file could not be written, to be tried again.
func (ts *tasks) later(s *seg, t *ids.Tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.unfiled = append(ts.unfiled, task{seal: s, ids: t})
}

// again returns and removes all tasks added by later.
func (ts *tasks) again() []task {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	again := ts.unfiled
	ts.unfiled = nil
	return again
}
