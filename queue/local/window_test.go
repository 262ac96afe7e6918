package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"relay/queue/internal/ident"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/segment"
)

// clock is a clock that a test advances.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time              { return time.UnixMilli(c.ms.Load()) }
func (c *clock) believed() (time.Time, bool) { return c.now(), true }
func (c *clock) move(d time.Duration)        { c.ms.Add(d.Milliseconds()) }
func (c *clock) since(ms int64) float64      { return time.Duration((c.ms.Load() - ms) * 1e6).Hours() }

// after advances the clock and does the background work of that moment.
func (c *clock) after(t testing.TB, q *Queue, d time.Duration) {
	t.Helper()
	c.move(d)
	q.periodic()
	filed(t, q)
}

// filed waits until only the ids of the tail are in memory only.
func filed(t testing.TB, q *Queue) {
	t.Helper()
	until(t, "the ids of sealed tails are filed", func() bool {
		_, unfiled := q.tasks.left()
		q.mu.Lock()
		defer q.mu.Unlock()
		return unfiled == 0 && !slices.ContainsFunc(q.segs, func(s *seg) bool { return s.idsPending })
	})
}

func idFiles(t testing.TB, q *Queue) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(q.dir, "*"+ids.Suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// remembered checks whether an id is known, without storing it.
func remembered(t testing.TB, q *Queue, id string) bool {
	t.Helper()
	_, ok, err := q.ids.Get(ident.HashOf(nil, &q.secret, &Entry{ID: id}))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func rotateNow(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.onTail(func(w *writer) error {
		if q.writer.tail.end.Load() == 0 {
			return nil
		}
		return w.rotate()
	}); err != nil {
		t.Fatal(err)
	}
}

// asKilled copies the directory as a process killed at this moment leaves it.
func asKilled(t testing.TB, q *Queue) (dir string) {
	t.Helper()
	if err := q.onTail(func(*writer) error { // neither goroutine changes anything meanwhile
		q.repairing.Lock()
		defer q.repairing.Unlock()
		dir = copyAsIs(t, q)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyAsIs copies the directory of a queue to which nothing is being written.
func copyAsIs(t testing.TB, q *Queue) string {
	t.Helper()
	hold := func(n int) {
		q.mu.Lock()
		q.backups += n
		q.mu.Unlock()
	}
	hold(1)
	defer hold(-1)
	dir := filepath.Join(t.TempDir(), "copy")
	if err := filepath.WalkDir(q.dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(q.dir, path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case strings.HasSuffix(path, segment.TmpSuffix):
			return nil
		case e.IsDir() && strings.HasSuffix(path, ids.Suffix): // blocks the path of a file
			return fs.SkipDir
		case e.IsDir():
			return os.Mkdir(filepath.Join(dir, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		return errors.Join(err, os.WriteFile(filepath.Join(dir, rel), b, 0o600))
	}); err != nil {
		t.Error(err)
	}
	return dir
}

// A shop over days: whatever is restarted, drained and sealed in between, an id is known for the
// window and forgotten soon after, and each stored event is delivered once.
func TestIDWindowModel(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	rng, seed := seeded(t)
	rounds := 1
	if exam() {
		rounds = 30
	}
	for round := range rounds {
		const window = 24 * time.Hour
		const step = 30 * time.Minute
		c := newClock()
		o := Options{SegmentSize: 64 << 10, MaxSize: 8 << 20, NoSync: true, DedupWindow: window, Now: c.now, Clock: c.believed}
		dir := t.TempDir()
		q := openTest(t, dir, o)
		stored := make(map[string]int64) // when an id was last stored
		base := make(map[string]int64)   // when its window begins at the latest, less a quarter
		copies := make(map[string]int)   // how often an id was stored
		delivered := make(map[string]int)
		var ids []string
		started := c.ms.Load()
		files, again, early := 0, 0, 0
		drain := func() {
			for _, id := range drainAll(t, q, "a") {
				delivered[id]++
			}
		}
		for n := range 900 {
			switch k := rng.IntN(24); {
			case k < 6 || len(ids) == 0:
				id := fmt.Sprintf("m-%d", n)
				ids = append(ids, id)
				if a := mustAppend(t, q, entry(id, "a"), entry(id, "a")); a != (Appended{Stored: 1, Duplicates: 1}) {
					t.Fatalf("seed %d round %d: new id: %+v", seed, round, a)
				}
				stored[id], base[id], copies[id] = c.ms.Load(), c.ms.Load(), 1
			case k < 14:
				id := ids[rng.IntN(len(ids))]
				a := mustAppend(t, q, entry(id, "a"))
				bound := max(base[id]+(window+window/4).Milliseconds(), started) + (time.Hour + 2*step).Milliseconds()
				switch age := c.since(stored[id]); {
				case a.Stored == 0 && c.ms.Load() > bound:
					t.Fatalf("seed %d round %d: %s is still known after %.1f h", seed, round, id, age)
				case a.Stored > 0 && age <= window.Hours():
					t.Fatalf("seed %d round %d: %s is forgotten after %.1f h", seed, round, id, age)
				case a.Stored > 0:
					stored[id], base[id] = c.ms.Load(), c.ms.Load()
					copies[id]++
					again++
				default:
					early++
				}
			case k < 20:
				c.after(t, q, time.Duration(rng.Int64N(int64(step))))
			case k < 21:
				rotateNow(t, q)
			case k < 22:
				drain()
			default:
				kill := rng.IntN(2) == 0
				if kill {
					dir = asKilled(t, q)
				}
				down := c.ms.Load()
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				if rng.IntN(8) == 0 {
					c.move(time.Duration(rng.Int64N(int64(2 * window))))
				}
				q = openTest(t, dir, o)
				opened(t, q)
				started = c.ms.Load()
				for id, at := range stored {
					if kill && down-at <= (window/4+step).Milliseconds() { // it can have been in the tail
						base[id] = max(base[id], started-(window/4).Milliseconds())
					}
				}
			}
			files = max(files, len(idFiles(t, q)))
		}
		drain()
		for _, id := range ids {
			if delivered[id] != copies[id] {
				t.Errorf("seed %d round %d: %s was stored %d times and delivered %d times", seed, round, id, copies[id], delivered[id])
			}
		}
		if again == 0 || early == 0 {
			t.Errorf("%d repeats were stored again, %d were known: both must occur", again, early)
		}
		if files > 24 {
			t.Errorf("%d files of ids", files)
		}
		t.Logf("%d ids, %d repeats stored anew, %d known, at most %d files", len(ids), again, early, files)
	}
}

// A quiet shop forgets ids too: those in a tail that is never full, and those whose files are
// merged at every restart.
func TestIDWindowOfQuietShop(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprintf("restarts %v", restarts), func(t *testing.T) {
			c := newClock()
			o := Options{SegmentSize: 64 << 10, MaxSize: 8 << 20, NoSync: true, Now: c.now}
			dir := t.TempDir()
			q := openTest(t, dir, o)
			opened(t, q)
			for hour := range 24 * 7 {
				mustAppend(t, q, entry(fmt.Sprintf("h-%d", hour), "a"))
				if restarts && hour%3 == 0 {
					if err := q.Close(); err != nil {
						t.Fatal(err)
					}
					q = openTest(t, dir, o)
					opened(t, q)
				}
				for range 2 {
					c.after(t, q, 30*time.Minute)
				}
				for age := range hour {
					known := remembered(t, q, fmt.Sprintf("h-%d", hour-age))
					if !known && age < 24 {
						t.Fatalf("hour %d: an id %d h old is forgotten", hour, age+1)
					}
					if known && age > 34 { // a start costs another hour
						t.Fatalf("hour %d: an id %d h old is known", hour, age+1)
					}
				}
				if n := len(idFiles(t, q)); n > 20 {
					t.Fatalf("hour %d: %d files of ids", hour, n)
				}
			}
		})
	}
}

// By number too: the newest ids are known, and few more.
func TestIDWindowByCount(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	const keep, per = 4000, 300
	c := newClock()
	dir := t.TempDir()
	o := Options{NoSync: true, DedupIDs: keep, Now: c.now}
	q := openTest(t, dir, o)
	total := 0
	for round := range 40 {
		es := make([]Entry, per)
		for i := range es {
			es[i] = entry(fmt.Sprint("n-", total+i), "a")
		}
		total += per
		if a := mustAppend(t, q, es...); a.Stored != per {
			t.Fatalf("round %d: %+v", round, a)
		}
		drainAll(t, q, "a")
		if round%7 == 3 {
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = openTest(t, dir, o)
			opened(t, q)
		}
		rotateNow(t, q)
		c.after(t, q, time.Minute)
		if n := q.Stats().DedupIDs; n > keep+keep/4+per {
			t.Fatalf("round %d: %d ids are remembered", round, n)
		}
		for i := range min(total, keep) {
			if !remembered(t, q, fmt.Sprint("n-", total-1-i)) {
				t.Fatalf("round %d: of the newest %d ids, number %d is forgotten", round, keep, i)
			}
		}
		for i := 0; i < total-keep-keep/4-per; i++ {
			if remembered(t, q, fmt.Sprint("n-", i)) {
				t.Fatalf("round %d: id %d of %d is still known", round, i, total)
			}
		}
	}
	if n := len(idFiles(t, q)); n > 32 {
		t.Errorf("%d files of ids", n)
	}
	if a := mustAppend(t, q, entry("n-0", "a"), entry(fmt.Sprint("n-", total-1), "a")); a != (Appended{Stored: 1, Duplicates: 1}) {
		t.Errorf("the oldest and the newest: %+v", a)
	}
}

// A wrong clock never makes an id be forgotten before its window is over, or remembered long after:
// not a clock that starts in 1970, whether or not it is corrected, nor one that jumps.
func TestIDWindowAndClock(t *testing.T) {
	const never = 1 << 40
	wrong := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	right := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ahead := right.AddDate(1, 0, 0)
	for _, c := range []struct {
		name     string
		told     func(hours float64) (from time.Time, believed bool)
		off      time.Duration // for how long the machine is off, once, after two hours
		forgets  float64       // after at most this many hours of running
		restarts bool
	}{
		{name: "right", told: func(float64) (time.Time, bool) { return right, true }, forgets: 32},
		{name: "right, restarts", told: func(float64) (time.Time, bool) { return right, true }, restarts: true, forgets: 32},
		{name: "1970, then NTP", told: func(h float64) (time.Time, bool) {
			if h < 1.5 {
				return wrong, false
			}
			return right, true
		}, forgets: 32},
		{name: "always 1970", told: func(float64) (time.Time, bool) { return wrong, false }, forgets: 32},
		{name: "always 1970, restarts", told: func(float64) (time.Time, bool) { return wrong, false }, restarts: true, forgets: 32},
		{name: "a year ahead for a moment", told: func(h float64) (time.Time, bool) {
			if h > 1 && h < 1.2 {
				return ahead, true
			}
			return right, true
		}, forgets: 32},
		{name: "a year ahead for hours, not trusted", told: func(h float64) (time.Time, bool) {
			if h > 1 && h < 9 {
				return ahead, false
			}
			return right, true
		}, forgets: 32},
		{name: "a year behind, then right", told: func(h float64) (time.Time, bool) {
			if h < 2 {
				return right.AddDate(-1, 0, 0), false
			}
			return right, true
		}, forgets: 32},
		{name: "off for ten days", told: func(float64) (time.Time, bool) { return right, true }, off: 240 * time.Hour, forgets: 3},
		{name: "off for ten days, 1970", told: func(float64) (time.Time, bool) { return wrong, false }, off: 240 * time.Hour, forgets: 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			const step = 10 * time.Minute
			run, on, off := newClock(), time.Duration(0), time.Duration(0)
			var mu sync.Mutex // both goroutines read the clock
			told := func() (time.Time, bool) {
				mu.Lock()
				defer mu.Unlock()
				from, believed := c.told(on.Hours())
				return from.Add(on + off), believed
			}
			dir := t.TempDir()
			o := Options{SegmentSize: 64 << 10, MaxSize: 8 << 20, NoSync: true, Now: run.now, Clock: told}
			q := openTest(t, dir, o)
			opened(t, q)
			restart := func() {
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = openTest(t, dir, o)
				opened(t, q)
			}
			mustAppend(t, q, entry("filed", "a"))
			rotateNow(t, q)
			mustAppend(t, q, entry("tail", "a"))
			forgotten := map[string]float64{}
			for n := range 36 * 6 {
				mu.Lock()
				on += step
				mu.Unlock()
				run.after(t, q, step)
				if n == 12 && c.off > 0 {
					if err := q.Close(); err != nil {
						t.Fatal(err)
					}
					mu.Lock()
					off = c.off
					mu.Unlock()
					q = openTest(t, dir, o)
					opened(t, q)
				} else if c.restarts && n%20 == 0 {
					restart()
				}
				for _, id := range []string{"filed", "tail"} {
					if _, ok := forgotten[id]; !ok && !remembered(t, q, id) {
						forgotten[id] = on.Hours()
					}
				}
			}
			for _, id := range []string{"filed", "tail"} {
				at, ok := forgotten[id]
				if !ok {
					at = never
				}
				if at > c.forgets || (off == 0 || c.forgets > 24) && at < 24 {
					t.Errorf("%s was forgotten after %.1f h", id, at)
				}
			}
		})
	}
}
