package local

import "testing"

// What is to be done once is not done twice, and tasks go in the order in which they came.
func TestTasks(t *testing.T) {
	ts := &tasks{kick: make(chan struct{}, 1)}
	s := newSeg(t.TempDir(), 1)
	for _, k := range []task{{unlink: true}, {seal: s}, {unlink: true}, {room: true}, {count: "a"}, {room: true}, {count: "a"}} {
		ts.put(k)
	}
	if n, _ := ts.left(); n != 5 {
		t.Errorf("%d tasks wait", n)
	}
	select {
	case <-ts.kick:
	default:
		t.Error("the keeper is not woken")
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
		t.Error("there is one more")
	}
	ts.later(s, nil)
	if _, n := ts.left(); n != 1 || len(ts.again()) != 1 {
		t.Errorf("%d whose ids are not filed", n)
	}
	if len(ts.again()) != 0 {
		t.Error("they are tried twice")
	}
}

// left says how many tasks wait, and how many segments whose ids are not filed.
func (ts *tasks) left() (waiting, unfiled int) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.waiting), len(ts.unfiled)
}
