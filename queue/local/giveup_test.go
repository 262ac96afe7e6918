package local

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
)

// until waits for an action of another goroutine.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for !ok() {
		if t.Context().Err() != nil {
			t.Fatal("never: ", what)
		}
		runtime.Gosched()
	}
}

// appending starts an Append whose caller overwrites its body as soon as Append returns.
func appending(ctx context.Context, q *Queue, e Entry) <-chan error {
	done := make(chan error, 1)
	go func() {
		a, err := q.Append(ctx, []Entry{e})
		for i := range e.Body {
			e.Body[i] = 'x'
		}
		if err == nil && a.Stored != 1 {
			err = errors.New("not stored")
		}
		done <- err
	}()
	return done
}

// A caller that gives up before the writer has copied its entries leaves no trace: its id is not
// taken, and another event with that id is no conflict.
func TestGiveUpBeforeCopy(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	hold, held := make(chan struct{}), make(chan struct{})
	blocked := make(chan error, 1)
	go func() { blocked <- q.onTail(func(*writer) error { close(held); <-hold; return nil }) }()
	<-held
	ctx, giveUp := context.WithCancel(t.Context())
	gone := entry("m-1", "a")
	gone.Fingerprint = 1
	first := appending(ctx, q, gone)
	until(t, "first waits", func() bool { return q.in.len() == 1 })
	again := entry("m-1", "a")
	again.Fingerprint = 2
	again.Body = []byte(`{"event":"again"}`)
	second := appending(t.Context(), q, again)
	until(t, "second waits", func() bool { return q.in.len() == 2 })
	q.in.building.Lock()
	close(hold)
	if err := <-blocked; err != nil {
		t.Fatal(err)
	}
	until(t, "both are taken", func() bool { return q.in.len() == 0 })
	giveUp()
	if err := <-first; !errors.Is(err, ErrStalled) {
		t.Fatalf("gave up with %v, want ErrStalled", err)
	}
	q.in.building.Unlock()
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	b, err := q.Read("a", 0, 0, 0)
	if err != nil || len(b.Records) != 1 || string(b.Records[0].Body) != `{"event":"again"}` {
		t.Fatalf("stored %+v, %v; want the second caller's", b.Records, err)
	}
}

// A caller that gives up later can reuse its memory at once, although the copy is still being
// written.
func TestGiveUpAfterCopy(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	hangs := make(chan struct{})
	if err := q.onTail(func(*writer) error {
		q.writer.sync = func(s *seg) error { <-hangs; return s.Sync() }
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	e := entry("m-1", "a")
	want := strings.Clone(string(e.Body))
	done := appending(ctx, q, e)
	until(t, "the write has begun", func() bool { return q.writer.committing.Load() != 0 })
	giveUp()
	if err := <-done; !errors.Is(err, ErrStalled) {
		t.Fatalf("gave up with %v, want ErrStalled", err)
	}
	close(hangs)
	if a := mustAppend(t, q, entry("m-1", "a")); a.Duplicates != 1 {
		t.Fatalf("appended again: %+v, want a duplicate", a)
	}
	b, err := q.Read("a", 0, 0, 0)
	if err != nil || len(b.Records) != 1 || string(b.Records[0].Body) != want {
		t.Fatalf("stored %+v, %v; want %q", b.Records, err, want)
	}
}

// More sets of lanes than fit before a payload.
func TestManyLaneSets(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	var es []Entry
	lanes := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for set := 1; set < 1<<len(lanes); set++ {
		var in []string
		for i, l := range lanes {
			if set>>i&1 == 1 {
				in = append(in, l)
			}
		}
		es = append(es, entry(strings.Join(in, ""), in...))
	}
	mustAppend(t, q, es...)
	for _, l := range lanes {
		if ids := drainAll(t, q, l); len(ids) != 128 {
			t.Errorf("lane %s: %d records, want 128", l, len(ids))
		}
	}
}
