package local

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"relay/queue/internal/ident"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
)

// mergeAll merges all files of ids into one.
func mergeAll(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.ids.Merge(1, func(uint64, uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if n := len(idFiles(t, q)); n > 1 {
		t.Fatalf("%d files of ids", n)
	}
}

// An id is stored once, whatever has happened to its first copy, also after a kill at that moment
// and after a restart.
func TestSameIDIsStoredOnce(t *testing.T) {
	t.Parallel()
	o := Options{SegmentSize: 64 << 10, MaxSize: 8 << 20, NoSync: true}
	// backgroundOff keeps the background goroutine from doing its tasks.
	backgroundOff := func(q *Queue) func() { q.repairing.Lock(); return q.repairing.Unlock }
	unlinked := func(t *testing.T, q *Queue) {
		s := q.writer.tail
		drainAll(t, q, "a")
		rotateNow(t, q)
		filed(t, q)
		until(t, "the segment is unlinked", func() bool { _, err := os.Stat(s.Path); return os.IsNotExist(err) })
	}
	none := func() {}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, q *Queue) (undo func())
	}{
		{"in the tail", func(*testing.T, *Queue) func() { return none }},
		{"in the tail, settled", func(t *testing.T, q *Queue) func() { drainAll(t, q, "a"); return none }},
		{"rotated", func(t *testing.T, q *Queue) func() { rotateNow(t, q); filed(t, q); return none }},
		{"just rotated", func(t *testing.T, q *Queue) func() {
			on := backgroundOff(q)
			rotateNow(t, q)
			return on
		}},
		{"ids written, segment not sealed", func(t *testing.T, q *Queue) func() {
			on := backgroundOff(q)
			tail := q.writer.tailIDs
			rotateNow(t, q)
			if err := q.ids.WriteTail(tail); err != nil {
				t.Fatal(err)
			}
			return on
		}},
		{"ids cannot be written", func(t *testing.T, q *Queue) func() {
			block := files.Path(q.dir, q.writer.tail.Num, ids.Suffix) // a directory blocks the path of the file
			if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
				t.Fatal(err)
			}
			rotateNow(t, q)
			until(t, "filing fails", func() bool { _, n := q.tasks.left(); return n > 0 })
			return func() { os.RemoveAll(block) }
		}},
		{"drained, segment unlinked", func(t *testing.T, q *Queue) func() { unlinked(t, q); return none }},
		{"ids merged", func(t *testing.T, q *Queue) func() {
			unlinked(t, q)
			mustAppend(t, q, entry("later", "a"))
			unlinked(t, q)
			mergeAll(t, q)
			return none
		}},
		{"ids merged, an old file left", func(t *testing.T, q *Queue) func() {
			unlinked(t, q)
			old := idFiles(t, q)[0]
			b := readAll(t, old)
			mustAppend(t, q, entry("later", "a"))
			unlinked(t, q)
			mergeAll(t, q)
			put(t, old, b)
			return none
		}},
		{"a dead letter, dropped", func(t *testing.T, q *Queue) func() {
			settleDead(t, q, "a")
			ids, _ := deadIDs(t, q)
			if n, err := q.DropDead(ids...); n != len(ids) || err != nil {
				t.Fatal(n, err)
			}
			return none
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := entry("m", "a")
			m.Fingerprint = 0x1122334455667788
			again := func(q *Queue, when string) {
				t.Helper()
				if a := mustAppend(t, q, m, m); a != (Appended{Duplicates: 2}) {
					t.Errorf("%s: %+v", when, a)
				}
				if id, ok, err := q.ids.Get(ident.HashOf(nil, &q.secret, &m)); id.Fingerprint != m.Fingerprint || !ok || err != nil {
					t.Errorf("%s: the fingerprint is %x, want %x; %v %v", when, id.Fingerprint, m.Fingerprint, ok, err)
				}
			}
			q := openTest(t, t.TempDir(), o)
			opened(t, q)
			if a := mustAppend(t, q, entry("before", "a"), m, m); a != (Appended{Stored: 2, Duplicates: 1}) {
				t.Fatalf("twice in one request: %+v", a)
			}
			undo := c.do(t, q)
			again(q, "at work")
			dir := copyAsIs(t, q)
			undo()
			again(q, "after it")

			q = openTest(t, dir, o)
			again(q, "first thing after a kill")
			opened(t, q)
			again(q, "after a kill")
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = openTest(t, dir, o)
			again(q, "first thing after a stop")
			opened(t, q)
			drainAll(t, q, "a")
			again(q, "drained after a stop")
			if files, _ := filepath.Glob(filepath.Join(dir, "*.bad")); len(files) > 0 {
				t.Errorf("quarantined: %q", files)
			}
		})
	}
}

// An event destroyed by a disk is stored and delivered when its sender repeats it. Events that were
// saved, or delivered before, are not stored again.
func TestLostIDs(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	nul := func(b []byte) []byte { return make([]byte, len(b)) }
	for _, c := range []struct {
		name string
		hurt func(t *testing.T, dir string)
	}{
		{"whole segment", func(t *testing.T, dir string) { change(t, segments(t, dir)[1], nul) }},
		{"all segments", func(t *testing.T, dir string) {
			for _, s := range segments(t, dir) {
				change(t, s, nul)
			}
		}},
		{"half a segment", func(t *testing.T, dir string) {
			change(t, segments(t, dir)[1], func(b []byte) []byte { return append(b[:len(b)/2:len(b)/2], nul(b[len(b)/2:])...) })
		}},
		{"meta pages", func(t *testing.T, dir string) { // loses nothing
			change(t, segments(t, dir)[1], func(b []byte) []byte { return append(nul(b[:8192]), b[8192:]...) })
		}},
	} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, running %v", c.name, running), func(t *testing.T) {
				dir, waiting, dead := damagedDir(t)
				o := Options{SegmentSize: 64 << 10, NoSync: true}
				if !running {
					c.hurt(t, dir)
				}
				q := openTest(t, dir, o)
				opened(t, q)
				if running {
					c.hurt(t, dir)
				}
				got := make(map[string]int)
				for _, id := range drainAll(t, q, "l") {
					got[id]++
				}
				lost := 0
				// The tail can be damaged too: a client would retry.
				until(t, "an append succeeds", func() bool {
					_, err := q.Append(t.Context(), []Entry{entry("poke", "poke")})
					return err == nil
				})
				for _, id := range waiting {
					n := mustAppend(t, q, entry(id, "l")).Stored
					if n != 1-got[id] {
						t.Errorf("%s, delivered %d times, was stored %d times when repeated", id, got[id], n)
					}
					lost += n
				}
				if (lost == 0) != (c.name == "meta pages") {
					t.Errorf("%d of %d were lost", lost, len(waiting))
				}
				for _, id := range drainAll(t, q, "l") {
					got[id]++
				}
				if err := q.Close(); err != nil {
					t.Fatal(err)
				}
				q = openTest(t, dir, o)
				for _, id := range waiting {
					if got[id] != 1 {
						t.Errorf("%s was delivered %d times", id, got[id])
					}
					if n := mustAppend(t, q, entry(id, "l")).Stored; n != 0 {
						t.Errorf("%s was stored again after a restart", id)
					}
				}
				if c.name != "all segments" { // the dead letters' records are in the first one
					for _, id := range dead {
						if n := mustAppend(t, q, entry(id, "l")).Stored; n != 0 {
							t.Errorf("%s, a dead letter, was stored again", id)
						}
					}
				}
			})
		}
	}
}

// A damaged file of ids only loses the ids of segments that are gone.
func TestDamagedIDFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	nul := func(b []byte) []byte { return make([]byte, len(b)) }
	for name, hurt := range map[string]func(b []byte) []byte{
		"header of NUL": func(b []byte) []byte { return append(nul(b[:80]), b[80:]...) },
		"cut short":     func(b []byte) []byte { return b[:len(b)-5] },
		"empty":         func([]byte) []byte { return nil },
		"count":         func(b []byte) []byte { b[32] ^= 1; return b },
	} {
		for _, merged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, merged %v", name, merged), func(t *testing.T) {
				dir, waiting, _ := damagedDir(t)
				o := Options{SegmentSize: 64 << 10, NoSync: true}
				if merged {
					q := openTest(t, dir, o)
					opened(t, q)
					mergeAll(t, q)
					if err := q.Close(); err != nil {
						t.Fatal(err)
					}
				}
				files, _ := filepath.Glob(filepath.Join(dir, "*"+ids.Suffix))
				if (len(files) == 1) != merged {
					t.Fatalf("files %q", files)
				}
				for _, f := range files {
					change(t, f, hurt)
				}
				for range 2 {
					q := openTest(t, dir, o)
					for _, id := range waiting {
						if n := mustAppend(t, q, entry(id, "l")).Stored; n != 0 {
							t.Fatalf("%s was stored again", id)
						}
					}
					opened(t, q)
					if err := q.Close(); err != nil {
						t.Fatal(err)
					}
				}
				bad, _ := filepath.Glob(filepath.Join(dir, "*"+ids.Suffix+".bad"))
				if len(bad) != len(files) {
					t.Errorf("quarantined: %q", bad)
				}
			})
		}
	}
}
