package local

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"relay/queue/local/directory"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// damagedDir creates a queue of several sealed segments, with a partly settled lane and dead
// letters. It returns the ids of the pending and of the dead records.
func damagedDir(t *testing.T) (dir string, waiting, dead []string) {
	t.Helper()
	dir = t.TempDir()
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	mustAppend(t, q, entry("dead-1", "l"), entry("dead-2", "l"), entry("dead-3", "l"))
	settleDead(t, q, "l")
	for i := range 150 {
		id := fmt.Sprintf("m-%03d", i)
		waiting = append(waiting, id)
		mustAppend(t, q, Entry{ID: id, Lanes: []string{"l"}, Body: bodyOf(id + strings.Repeat("-", i%2*3000))})
	}
	if n := q.Stats().Segments; n < 4 {
		t.Fatalf("%d segments", n)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, waiting, []string{"dead-1", "dead-2", "dead-3"}
}

// segments returns the segment files in dir.
func segments(t *testing.T, dir string) []string {
	t.Helper()
	m, err := filepath.Glob(filepath.Join(dir, "*"+segment.Suffix))
	if err != nil || len(m) == 0 {
		t.Fatal(m, err)
	}
	slices.Sort(m)
	return m
}

func change(t *testing.T, path string, fn func(b []byte) []byte) {
	t.Helper()
	put(t, path, fn(readAll(t, path)))
}

// Damage to a file costs what the file contains, and never prevents a start: the rest is delivered,
// the loss is counted, the file is kept, and a new event is stored.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	nul := func(b []byte) []byte { return make([]byte, len(b)) }
	empty := func([]byte) []byte { return nil }
	half := func(b []byte) []byte { return b[:len(b)/2+777] }
	stub := func(b []byte) []byte { return b[:9000] }
	noise := func(b []byte) []byte { return bytes.Repeat([]byte("noise"), len(b)/5) }
	for _, c := range []struct {
		name    string
		hurt    func(t *testing.T, dir string)
		loses   bool // pending records are lost
		repeats bool // settled records are pending again
		letters int  // letters left
		bad     int  // least number of quarantined files
	}{
		{"segment of NUL", func(t *testing.T, dir string) { change(t, segments(t, dir)[1], nul) }, true, false, 3, 1},
		{"empty segment", func(t *testing.T, dir string) { change(t, segments(t, dir)[1], empty) }, true, false, 3, 1},
		{"truncated segment", func(t *testing.T, dir string) { change(t, segments(t, dir)[1], half) }, true, false, 3, 1},
		{"segment of noise", func(t *testing.T, dir string) { change(t, segments(t, dir)[1], noise) }, true, false, 3, 1},
		{"oldest segment of NUL", func(t *testing.T, dir string) { change(t, segments(t, dir)[0], nul) }, true, false, 3, 1},
		{"newest segment of NUL", func(t *testing.T, dir string) { s := segments(t, dir); change(t, s[len(s)-1], nul) }, true, false, 3, 1},
		{"all segments of NUL", func(t *testing.T, dir string) {
			for _, s := range segments(t, dir) {
				change(t, s, nul)
			}
		}, true, false, 3, 4},
		{"meta.db of NUL", func(t *testing.T, dir string) { change(t, filepath.Join(dir, meta.Name), nul) }, false, true, 3, 1},
		{"empty meta.db", func(t *testing.T, dir string) { change(t, filepath.Join(dir, meta.Name), empty) }, false, true, 3, 1},
		{"truncated meta.db", func(t *testing.T, dir string) { change(t, filepath.Join(dir, meta.Name), stub) }, false, true, 3, 1},
		{"meta.db of noise", func(t *testing.T, dir string) { change(t, filepath.Join(dir, meta.Name), noise) }, false, true, 3, 1},
		{"no meta.db", func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, meta.Name)); err != nil {
				t.Fatal(err)
			}
		}, false, true, 3, 0},
		{"dead letters of NUL", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, directory.Dead), nul)
		}, false, false, 0, 1},
		{"empty dead letters", func(t *testing.T, dir string) {
			change(t, filepath.Join(dir, directory.Dead), empty)
		}, false, false, 0, 1},
		{"ids of NUL", func(t *testing.T, dir string) {
			ids, _ := filepath.Glob(filepath.Join(dir, "*"+ids.Suffix))
			for _, f := range ids {
				change(t, f, nul)
			}
		}, false, false, 3, 1},
		{"empty ids", func(t *testing.T, dir string) {
			ids, _ := filepath.Glob(filepath.Join(dir, "*"+ids.Suffix))
			for _, f := range ids {
				change(t, f, empty)
			}
		}, false, false, 3, 1},
		{"everything of NUL", func(t *testing.T, dir string) {
			if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					change(t, path, nul)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}, true, true, 0, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, waiting, _ := damagedDir(t)
			c.hurt(t, dir)
			q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
			opened(t, q)
			got := drainAll(t, q, "l")
			have := make(map[string]bool)
			for _, id := range got {
				have[id] = true
			}
			lost := 0
			for _, id := range waiting {
				if !have[id] {
					lost++
				}
			}
			st := q.Stats()
			if lost > 0 != c.loses {
				t.Errorf("%d of %d records are lost", lost, len(waiting))
			}
			// The file contained settled records too; without meta.db their number is unknown.
			if n := st.LostRecords; !st.MetaRebuilt && (n < int64(lost) || n > int64(lost)+3) {
				t.Errorf("%d records are lost, but %d were reported", lost, n)
			}
			if !c.repeats && len(got) != len(waiting)-lost {
				t.Errorf("%d of %d remaining records delivered", len(got), len(waiting)-lost)
			}
			if _, letters := deadIDs(t, q); len(letters) != c.letters {
				t.Errorf("dead letters %q, want %d", letters, c.letters)
			}
			bad := 0
			m, _ := filepath.Glob(filepath.Join(dir, "*.bad"))
			bad += len(m)
			if bad < c.bad {
				t.Errorf("%d files are quarantined, want %d", bad, c.bad)
			}
			if c.bad > 0 && st.BadSegments == 0 && st.BadChunks == 0 && !st.MetaRebuilt {
				t.Errorf("nothing was reported: %+v", st)
			}
			mustAppend(t, q, entry("fresh", "l"))
			if ids := drainAll(t, q, "l"); fmt.Sprint(ids) != "[fresh]" {
				t.Errorf("new event: %q", ids)
			}
			// The next start has nothing to repair.
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
			opened(t, q)
			if ids := drainAll(t, q, "l"); len(ids) != 0 {
				t.Errorf("after another start %d records are pending again", len(ids))
			}
			if st := q.Stats(); st.BadSegments > 0 || st.MetaRebuilt || st.BadFiles != bad {
				t.Errorf("after another start, with %d files quarantined: %+v", bad, st)
			}
		})
	}
}

// Damage found by several lanes at once is repaired once.
func TestDamageFoundByAllLanes(t *testing.T) {
	dir := t.TempDir()
	o := Options{SegmentSize: 64 << 10, NoSync: true}
	lanes := []string{"a", "b", "c", "d"}
	q := openTest(t, dir, o)
	for i := range 300 {
		id := fmt.Sprint(i)
		mustAppend(t, q, Entry{ID: id, Lanes: lanes, Body: bodyOf(id + strings.Repeat("-", 500))})
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	hurt := segments(t, dir)[0]
	q = openTest(t, dir, o)
	opened(t, q)
	change(t, hurt, func(b []byte) []byte { clear(b[len(b)/2 : len(b)/2+4096]); return b })
	start := make(chan struct{})
	read := make([]int, len(lanes))
	var wg sync.WaitGroup
	for i, l := range lanes {
		wg.Go(func() {
			<-start
			b, err := q.Read(l, 0, 1000, 1<<30)
			if err != nil {
				t.Error(err)
			}
			read[i] = len(b.Records)
		})
	}
	close(start)
	wg.Wait()
	st := q.Stats()
	if st.BadSegments != 1 || st.BadFiles != 1 || st.LostRecords == 0 {
		t.Errorf("%+v", st)
	}
	for i, n := range read {
		if n != 300-int(st.LostRecords) {
			t.Errorf("lane %s: %d records, %d are lost", lanes[i], n, st.LostRecords)
		}
	}
}

// The header of a segment has no checksum. If damage makes it name another key than the one that
// encrypts the segment, the start must not be refused for a missing key.
func TestKeyInHeaderDamaged(t *testing.T) {
	dir, waiting, _ := damagedDir(t)
	segs := segments(t, dir)
	change(t, segs[len(segs)-1], func(b []byte) []byte {
		const key = `"secret":"`
		at := bytes.LastIndex(b, []byte(key+"AAAA"))
		if at < 0 {
			t.Fatal("no header")
		}
		for ; at >= 0; at = bytes.LastIndex(b, []byte(key+"AAAA")) {
			b[at+len(key)] ^= 'A' ^ 'E'
		}
		return b
	})
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	opened(t, q)
	if got := drainAll(t, q, "l"); len(got) != len(waiting) {
		t.Errorf("%d of %d records were delivered", len(got), len(waiting))
	}
}

// One flipped bit in each page, and at random offsets: what is delivered is what was sent, and
// nothing crashes.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	rng, seed := seeded(t)
	src, waiting, _ := damagedDir(t)
	var files []string
	if err := filepath.WalkDir(src, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != directory.Lock && d.Name() != directory.Reserve {
			rel, err := filepath.Rel(src, path)
			files = append(files, rel)
			return err
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	flips := 60
	if exam() {
		flips = 1000
	}
	for n := range flips {
		dir := filepath.Join(t.TempDir(), "queue")
		if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
			t.Fatal(err)
		}
		file := files[n%len(files)]
		at := 0
		change(t, filepath.Join(dir, file), func(b []byte) []byte {
			at = rng.IntN(len(b))
			if n%3 > 0 { // in the head of a page, which describes its structure
				at = min(len(b)-1, at&^4095+rng.IntN(64))
			}
			b[at] ^= 1 << rng.IntN(8)
			return b
		})
		where := fmt.Sprintf("seed %d, flip %d in %s at %d", seed, n, file, at)
		q, err := Open(dir, Options{SegmentSize: 64 << 10, NoSync: true})
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		opened(t, q)
		got := drainAll(t, q, "l")
		if len(got) < len(waiting)-40 {
			t.Errorf("%s: %d of %d records were delivered", where, len(got), len(waiting))
		}
		if st := q.Stats(); len(got) < len(waiting) && st.LostRecords == 0 && st.BadSegments == 0 {
			t.Errorf("%s: %d records were silently lost", where, len(waiting)-len(got))
		}
		if err := q.Close(); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		os.RemoveAll(dir)
	}
}
