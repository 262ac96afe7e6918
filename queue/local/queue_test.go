package local

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"relay/queue"
)

// upto returns a range of everything before end.
func upto(end Seq) []queue.Range { return queue.UpTo(end) }

// openTest opens a queue that is closed at the end of the test.
func openTest(t testing.TB, dir string, o Options) *Queue {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Helper()
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func entry(id string, lanes ...string) Entry {
	return Entry{ID: id, Lanes: lanes, Received: time.UnixMilli(1_790_000_000_000), Body: fmt.Appendf(nil, `{"type":"track","event":"Order Completed","messageId":%q}`, id)}
}

func mustAppend(t testing.TB, q *Queue, es ...Entry) Appended {
	t.Helper()
	a, err := q.Append(t.Context(), es)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// drainAll reads and settles a lane to its end and returns the ids.
func drainAll(t testing.TB, q *Queue, lane string) []string {
	t.Helper()
	var ids []string
	for {
		b, err := q.Read(lane, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range b.Records {
			ids = append(ids, r.ID)
		}
		if err := settle(q, lane, Settlement{Settled: upto(b.Next), Counts: map[string]int{"delivered": len(b.Records)}}); err != nil {
			t.Fatal(err)
		}
		if !b.More {
			return ids
		}
	}
}

func waiting(t testing.TB, q *Queue, lane string) int64 {
	t.Helper()
	l, _ := q.Lane(lane)
	return l.Pending
}

// opened waits until the old segments were opened.
func opened(t testing.TB, q *Queue) {
	t.Helper()
	for {
		c := q.Changed()
		if !q.Stats().Opening {
			return
		}
		select {
		case <-c:
		case <-t.Context().Done():
			t.Fatal("old segments were never opened")
		}
	}
}

func TestAppendReadSettle(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	a := mustAppend(t, q, entry("a", "1"), entry("b", "1", "2"), entry("c", "2"), entry("a", "1"))
	if a != (Appended{Stored: 3, Duplicates: 1}) {
		t.Fatalf("appended %+v", a)
	}
	b, err := q.Read("1", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Records) != 2 || b.Records[0].ID != "a" || b.Records[1].ID != "b" || b.More {
		t.Fatalf("read %+v", b)
	}
	r := b.Records[1]
	want := entry("b", "1", "2")
	if !bytes.Equal(r.Body, want.Body) || !r.Received.Equal(want.Received) || fmt.Sprint(r.Lanes) != "[1 2]" {
		t.Fatalf("record %+v", r)
	}
	st, ok := q.Lane("1")
	if !ok || st.Pending != 2 || st.Oldest.IsZero() || st.Bytes == 0 {
		t.Fatalf("lane %+v", st)
	}
	if err := settle(q, "1", Settlement{Settled: upto(b.Records[1].Seq), State: []byte("s"), Counts: map[string]int{"delivered": 1}}); err != nil {
		t.Fatal(err)
	}
	st, _ = q.Lane("1")
	if st.Pending != 1 || string(st.State) != "s" || st.Counts["delivered"] != 1 {
		t.Fatalf("lane %+v", st)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{})
	if a := mustAppend(t, q, entry("c", "2"), entry("d", "1")); a.Stored != 1 || a.Duplicates != 1 {
		t.Fatalf("after reopening: %+v", a)
	}
	opened(t, q)
	st, _ = q.Lane("1")
	if st.Pending != 2 || string(st.State) != "s" || st.Counts["delivered"] != 1 {
		t.Fatalf("lane after reopening %+v", st)
	}
	if got := fmt.Sprint(drainAll(t, q, "1")); got != "[b d]" {
		t.Fatal(got)
	}
	if got := fmt.Sprint(drainAll(t, q, "2")); got != "[b c]" {
		t.Fatal(got)
	}
	if waiting(t, q, "1") != 0 || waiting(t, q, "2") != 0 {
		t.Fatalf("%+v", q.Lanes())
	}
}

func TestRotateAndUnlink(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	var want []string
	for i := range 2000 {
		id := fmt.Sprintf("id-%05d", i)
		want = append(want, id)
		e := entry(id, "l")
		e.Body = append(e.Body, bytes.Repeat([]byte(id), 50)...)
		mustAppend(t, q, e)
	}
	if n := q.Stats().Segments; n < 3 {
		t.Fatalf("%d segments", n)
	}
	got := drainAll(t, q, "l")
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("read %d of %d", len(got), len(want))
	}
	for q.Stats().Segments > 1 {
		q.schedule(task{unlink: true})
	}
	if a := mustAppend(t, q, entry(want[0], "l"), entry(want[1999], "l")); a.Duplicates != 2 {
		t.Fatalf("ids of unlinked segments were forgotten: %+v", a)
	}
}

func TestConcurrentAppend(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{SegmentSize: 256 << 10})
	var wg sync.WaitGroup
	for p := range 16 {
		wg.Go(func() {
			for i := range 50 {
				// Each goroutine also sends the events of the next one.
				if _, err := q.Append(t.Context(), []Entry{entry(fmt.Sprintf("%d-%d", p, i), "l"), entry(fmt.Sprintf("%d-%d", (p+1)%16, i), "l")}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := drainAll(t, q, "l")
	seen := make(map[string]bool)
	for _, id := range got {
		if seen[id] {
			t.Errorf("%s is stored twice", id)
		}
		seen[id] = true
	}
	if len(got) != 16*50 {
		t.Fatalf("%d records", len(got))
	}
}

func TestDeadLetters(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	mustAppend(t, q, entry("a", "l"), entry("b", "l"), entry("c", "l"))
	b, err := q.Read("l", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var dead []DeadLetter
	for _, r := range b.Records {
		dead = append(dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "l", Reason: "invalid_value", ReceivedAt: r.Received, Body: r.Body})
	}
	if err := settle(q, "l", Settlement{Settled: upto(b.Next), Dead: dead, Counts: map[string]int{"dead:invalid_value": 3}}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{})
	var ids []string
	list := func() (out string) {
		ids = nil
		if err := q.DeadLetters("", func(d DeadLetter) bool {
			out += d.MessageID
			ids = append(ids, d.ID)
			if string(d.Body) != string(entry(d.MessageID, "l").Body) {
				t.Errorf("body of %s: %s", d.MessageID, d.Body)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := list(); got != "abc" {
		t.Fatal(got)
	}
	if n, err := q.DropDead(ids[0], "ffffffffffffffff", "nonsense"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := q.Redrive(ids[1:2], func(DeadLetter) []string { return []string{"m"} }); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if got := list(); got != "c" {
		t.Fatal(got)
	}
	if _, err := q.DeadLetter("0000000100000000"); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	b, err = q.Read("m", 0, 0, 0)
	if err != nil || len(b.Records) != 1 || b.Records[0].ID != "b" || b.Records[0].Flags&queue.FlagRedriven == 0 {
		t.Fatal(b, err)
	}
}

func TestSecondInstance(t *testing.T) {
	dir := t.TempDir()
	openTest(t, dir, Options{})
	_, err := Open(dir, Options{})
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatal(err)
	}
	if _, err := OpenReadOnly(dir); !errors.As(err, &locked) {
		t.Fatal(err)
	}
}

func TestOpenReadOnly(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	mustAppend(t, q, entry("a", "l"))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	ro, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	opened(t, ro)
	b, err := ro.Read("l", 0, 0, 0)
	if err != nil || len(b.Records) != 1 {
		t.Fatal(b, err)
	}
	if _, err := ro.Append(t.Context(), []Entry{entry("b", "l")}); !errors.Is(err, ErrReadOnly) {
		t.Fatal(err)
	}
	if err := settle(ro, "l", Settlement{Settled: upto(b.Next)}); !errors.Is(err, ErrReadOnly) {
		t.Fatal(err)
	}
	after, _ := filepath.Glob(filepath.Join(dir, "*"))
	if fmt.Sprint(before) != fmt.Sprint(after) {
		t.Fatalf("%v became %v", before, after)
	}
}

// settle is Queue.Settle for tests that do not own the lane or do not need its revision.
func settle(q *Queue, lane string, s Settlement) error {
	_, err := q.Settle(lane, s)
	return err
}
