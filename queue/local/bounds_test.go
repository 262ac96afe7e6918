package local

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"relay/internal/disk"
	"relay/queue/local/directory"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
)

// du returns how many bytes dir takes on disk.
func du(t testing.TB, dir string) (n int64) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // unlinked meanwhile
		}
		if err != nil || e.IsDir() {
			return err
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		n += disk.Used(fi)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// noise returns a batch of events that hardly compress.
type noise struct {
	rng *rand.ChaCha8
	n   int
}

func newNoise() *noise { return &noise{rng: rand.NewChaCha8([32]byte{1})} }

func (s *noise) batch(events, size int, lanes ...string) []Entry {
	es := make([]Entry, events)
	for i := range es {
		s.n++
		b := make([]byte, size)
		s.rng.Read(b)
		es[i] = Entry{ID: fmt.Sprintf("m-%d", s.n), Lanes: lanes, Received: time.UnixMilli(1_790_000_000_000), Body: b}
	}
	return es
}

// fill appends until the queue refuses, and returns how many events it accepted. It calls after
// after each append.
func (s *noise) fill(t testing.TB, q *Queue, events, size int, after func(), lanes ...string) (stored int) {
	t.Helper()
	for {
		a, err := q.Append(t.Context(), s.batch(events, size, lanes...))
		after()
		if full := new(FullError); errors.As(err, &full) {
			if full.Reason != "max_size" {
				t.Fatal(err)
			}
			return stored
		}
		if err != nil {
			t.Fatal(err)
		}
		stored += a.Stored
	}
}

func within(t testing.TB, dir string, limit int64) func() {
	return func() {
		t.Helper()
		if n := du(t, dir); n > limit {
			t.Fatalf("the directory takes %d bytes of %d", n, limit)
		}
	}
}

// MaxSize holds for the whole directory, whatever its size and that of the events. Settling
// frees space, and intake reopens below the low mark by itself.
func TestMaxSize(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for _, c := range []struct {
		mib          int64
		events, size int
	}{{1, 1, 300}, {1, 20, 2000}, {2, 64, 1000}, {2, 1, 200 << 10}, {8, 250, 1000}, {64, 500, 2000}} {
		t.Run(fmt.Sprintf("%dMiB/%dx%d", c.mib, c.events, c.size), func(t *testing.T) {
			dir := t.TempDir()
			maxSize := c.mib << 20
			q := openTest(t, dir, Options{MaxSize: maxSize, NoSync: c.size < 1000 || c.mib > 8})
			check := within(t, dir, maxSize)
			s := newNoise()
			stored := s.fill(t, q, c.events, c.size, check, "a")
			if n := int64(stored * c.size); n < maxSize*2/5 && c.size >= 1000 {
				t.Errorf("only %d bytes of events fit", n)
			}
			high := du(t, dir)
			for range 3 {
				b, err := q.Read("a", 0, stored/12+1, 1<<30)
				if err != nil {
					t.Fatal(err)
				}
				if err := settle(q, "a", Settlement{Settled: upto(b.Next)}); err != nil {
					t.Fatal(err)
				}
				check()
			}
			drainAll(t, q, "a")
			drained := time.Now()
			until(t, "intake is open again, and what has drained is gone", func() bool {
				if time.Since(drained) > 30*time.Second {
					t.Fatalf("intake is still closed: %+v", q.Stats())
				}
				return q.CanAppend() == nil && q.Stats().Segments <= 2
			})
			if st := q.Stats(); st.DiskBytes > st.LowMark || du(t, dir) >= high {
				t.Errorf("intake reopened at %d bytes, low mark %d", st.DiskBytes, st.LowMark)
			}
			again := s.fill(t, q, c.events, c.size, check, "a")
			if again < stored/2 {
				t.Errorf("%d events fit, after a drain %d", stored, again)
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			check()
			q = openTest(t, dir, Options{MaxSize: maxSize})
			s.fill(t, q, c.events, c.size, check, "a")
			opened(t, q)
			check()
			if n := len(drainAll(t, q, "a")); n < again {
				t.Errorf("%d events of %d are left", n, again)
			}
		})
	}
}

// An append that can never fit is refused and does not block others.
func TestAppendLargerThanQueue(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{MaxSize: 1 << 20, NoSync: true})
	full := new(FullError)
	if _, err := q.Append(t.Context(), newNoise().batch(4, 256<<10, "a")); !errors.As(err, &full) {
		t.Fatal(err)
	}
	mustAppend(t, q, entry("small", "a"))
	within(t, dir, 1<<20)()
}

// With DropOldest nothing is refused. The oldest records are dropped and counted, in the lane
// too, and dead letters stay, also after a restart.
func TestDropOldest(t *testing.T) {
	dir := t.TempDir()
	o := Options{MaxSize: 2 << 20, DropOldest: true, NoSync: true}
	q := openTest(t, dir, o)
	check := within(t, dir, o.MaxSize)
	s := newNoise()
	mustAppend(t, q, entry("dead", "a"))
	b, err := q.Read("a", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := settle(q, "a", Settlement{Settled: upto(b.Next), Dead: []DeadLetter{{Seq: b.Records[0].Seq, MessageID: "dead", EventSet: "a", Reason: "rejected", Body: b.Records[0].Body}}}); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	run := func(appends int) {
		t.Helper()
		for range appends {
			total += int64(mustAppend(t, q, s.batch(20, 1000, "a", "b")...).Stored)
			check()
		}
	}
	run(400) // 8 MB
	began := time.Now()
	until(t, "the keeper is done", func() bool {
		if time.Since(began) > 5*time.Second {
			l, _ := q.Lane("a")
			m, _ := q.Lane("b")
			t.Fatalf("%d appended: %+v %+v %+v", total, l, m, q.Stats())
		}
		l, _ := q.Lane("a")
		m, _ := q.Lane("b")
		return l.Counts["dropped:max_size"]+l.Pending == total && m.Counts["dropped:max_size"]+m.Pending == total && l.Pending == m.Pending
	})
	l, _ := q.Lane("a")
	if l.Pending == 0 || l.Pending == total {
		t.Errorf("%d of %d are pending", l.Pending, total)
	}
	if q.Stats().Dropped["max_size"] == 0 {
		t.Error("nothing is counted as dropped")
	}
	if ids := drainAll(t, q, "b"); ids[len(ids)-1] != fmt.Sprintf("m-%d", s.n) {
		t.Errorf("the newest of lane b is %s", ids[len(ids)-1])
	}
	m, _ := q.Lane("b")
	if n := m.Counts["dropped:max_size"] + m.Counts["delivered"]; n < total { // a record dropped while being delivered counts twice
		t.Errorf("lane b accounts for %d of %d", n, total)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, o)
	opened(t, q)
	if m, _ := q.Lane("a"); m.Pending == 0 || m.Counts["dropped:max_size"]+m.Pending != total {
		t.Errorf("after a restart lane a accounts for %+v of %d", m, total)
	}
	run(150)
	if _, letters := deadIDs(t, q); len(letters) != 1 {
		t.Errorf("%d dead letters", len(letters))
	}
}

// DropOldest drops records of the lane with the most pending bytes. A small lane that has waited
// as long loses nothing.
func TestDropOldestOfLargestLane(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{MaxSize: 2 << 20, DropOldest: true, NoSync: true})
	check := within(t, dir, 2<<20)
	s := newNoise()
	small, total := 0, int64(0)
	for n := range 300 {
		total += int64(mustAppend(t, q, s.batch(20, 1000, "large")...).Stored)
		if n%10 == 0 {
			small += mustAppend(t, q, s.batch(1, 1000, "small")...).Stored
		}
		check()
	}
	if ids := drainAll(t, q, "small"); len(ids) != small {
		t.Errorf("the small lane has %d of %d", len(ids), small)
	}
	dropped := q.Stats().Dropped["max_size"]
	if ids := drainAll(t, q, "large"); dropped == 0 || dropped+int64(len(ids)) != total {
		t.Errorf("the large lane has %d of %d, %d were dropped", len(ids), total, dropped)
	}
}

// A smaller MaxSize shrinks the reserve file at once, even if the queue is full by it.
func TestReserveShrinks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	dir := t.TempDir()
	q := openTest(t, dir, Options{MaxSize: 64 << 20, NoSync: true})
	until(t, "the reserve is there", func() bool { return q.Stats().Reserve })
	newNoise().fill(t, q, 100, 10_000, func() {}, "a")
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = openTest(t, dir, Options{MaxSize: 8 << 20, NoSync: true})
	if fi, err := os.Stat(filepath.Join(dir, directory.Reserve)); err != nil || fi.Size() > 8<<20/32 {
		t.Errorf("the reserve: %v, %v", fi.Size(), err)
	}
	until(t, "it is full", func() bool { return q.Stats().Full == "max_size" })
	if n := len(drainAll(t, q, "a")); n < 1000 {
		t.Errorf("%d records are left", n)
	}
}

// A stuck lane only takes the space of its own records: segments it shares with other lanes are
// compacted, and nothing is dropped.
func TestStuckLane(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := openTest(t, dir, Options{MaxSize: 2 << 20, NoSync: true})
	check := within(t, dir, 2<<20)
	s := newNoise()
	refused, stuck, total := 0, 0, 0
	for total < 3000 { // the stuck records stay well below the low mark
		es := append(s.batch(3, 1000, "stuck"), s.batch(17, 1000, "good")...)
		_, err := q.Append(t.Context(), es)
		check()
		if full := new(FullError); errors.As(err, &full) {
			refused++
			s.n -= len(es) // append them again
			drainAll(t, q, "good")
			until(t, "intake is open again", func() bool { return q.CanAppend() == nil })
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		total += len(es)
		stuck += 3
	}
	if refused == 0 {
		t.Error("the queue was never full")
	}
	if n := q.Stats().Dropped; len(n) > 0 {
		t.Errorf("dropped %v", n)
	}
	g, _ := q.Lane("good")
	if len(g.Counts) != 1 || g.Counts["delivered"]+g.Pending != int64(total-stuck) {
		t.Errorf("the other lane: %+v of %d", g, total-stuck)
	}
	if ids := drainAll(t, q, "stuck"); len(ids) != stuck {
		t.Errorf("%d records of %d", len(ids), stuck)
	}
}

// Ids whose file could not be written are written as soon as that is possible.
func TestIDsWrittenLater(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := openTest(t, dir, Options{NoSync: true})
	opened(t, q)
	mustAppend(t, q, entry("m-1", "a"))
	num := q.writer.tail.Num
	// A directory blocks the path of the file.
	block := files.Path(dir, num, ids.Suffix)
	if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	unfiled := func() int {
		_, n := q.tasks.left()
		return n
	}
	until(t, "filing fails", func() bool { return unfiled() == 1 })
	if a := mustAppend(t, q, entry("m-1", "a")); a.Duplicates != 1 {
		t.Errorf("while they are in memory: %+v", a)
	}
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	drainAll(t, q, "a") // their segment can be unlinked
	until(t, "the ids are filed", func() bool { return q.ids.Covers(num) && unfiled() == 0 })
	if a := mustAppend(t, q, entry("m-1", "a")); a.Duplicates != 1 {
		t.Errorf("from the file: %+v", a)
	}
}
