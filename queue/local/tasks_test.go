package local

import "testing"

// A task of a kind that is done once is not queued twice, and tasks are taken in order.
func TestTasks(t *testing.T) {
	ts := &tasks{kick: make(chan struct{}, 1)}
	s := newSeg(t.TempDir(), 1)
	for _, k := range []task{{unlink: true}, {seal: s}, {unlink: true}, {room: true}, {count: "a"}, {room: true}, {count: "a"}} {
		ts.put(k)
	}
	if n, _ := ts.left(); n != 5 {
		t.Errorf("%d tasks are waiting", n)
	}
	select {
	case <-ts.kick:
	default:
		t.Error("the background goroutine was not woken")
	}
	if k, ok := ts.next(func(k task) bool { return k.seal == s }); !ok || k.seal != s {
		t.Errorf("the segment's: %+v", k)
	}
	all := func(task) bool { return true }
	for _, want := range []task{{unlink: true}, {room: true}, {count: "a"}, {count: "a"}} {
		if k, ok := ts.next(all); !ok || k != want {
			t.Errorf("got %+v, want %+v", k, want)
		}
	}
	if _, ok := ts.next(all); ok {
		t.Error("there is another task")
	}
	ts.later(s, nil)
	if _, n := ts.left(); n != 1 || len(ts.again()) != 1 {
		t.Errorf("%d tasks of unwritten ids", n)
	}
	if len(ts.again()) != 0 {
		t.Error("unwritten ids were returned twice")
	}
}

// left returns the number of waiting tasks, and of segments whose ids are not written.
func (ts *tasks) left() (waiting, unfiled int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.waiting), len(ts.unfiled)
}
