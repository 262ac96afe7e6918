package local

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"relay/queue/local/directory"
	"relay/queue/local/internal/meta"
	"relay/queue/queuetest/disktest"
)

// deadOf returns a settlement that makes a letter of each pending record of a lane.
func deadOf(t testing.TB, q *Queue, lane string) Settlement {
	t.Helper()
	b, err := q.Read(lane, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := Settlement{Settled: upto(b.Next), Counts: map[string]int{"dead": len(b.Records)}}
	for _, r := range b.Records {
		s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, Lanes: r.Lanes, MessageID: r.ID, EventSet: lane, Reason: "rejected", ReceivedAt: r.Received, Body: r.Body})
	}
	return s
}

// failMeta makes the writes of meta.db fail until undo is called, by blocking its path.
func failMeta(t *testing.T, q *Queue) (undo func()) {
	t.Helper()
	if err := q.meta.SaveLane("", meta.Lane{}, nil, nil); err == nil { // so that the next write goes to a new file
		t.Fatal("a lane without a name was stored")
	}
	path := filepath.Join(q.dir, meta.Name)
	if err := errors.Join(os.Rename(path, path+".away"), os.MkdirAll(filepath.Join(path, "x"), 0o700)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.RemoveAll(path), os.Rename(path+".away", path)); err != nil {
			t.Error(err)
		}
	}
}

// A settlement repeated because the first attempt took too long stores each letter once, under
// the same id.
func TestRepeatedSettlementStoresLettersOnce(t *testing.T) {
	q := openTest(t, t.TempDir(), Options{})
	mustAppend(t, q, entry("m-1", "a"), entry("m-2", "a"))
	s := deadOf(t, q, "a")
	var before []string
	for range 3 {
		if err := settle(q, "a", s); err != nil {
			t.Fatal(err)
		}
		ids, letters := deadIDs(t, q)
		if fmt.Sprint(letters) != "[m-1 m-2]" || before != nil && fmt.Sprint(ids) != fmt.Sprint(before) {
			t.Fatalf("letters %q with ids %q, before %q", letters, ids, before)
		}
		before = ids
	}
	if n, err := q.Redrive(before, func(DeadLetter) []string { return []string{"b"} }); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if got := drainAll(t, q, "b"); fmt.Sprint(got) != "[m-1 m-2]" {
		t.Errorf("redriven: %q", got)
	}
}

// The same with a disk that hangs: the settlement happens after its deadline, when the disk is
// back, and the caller repeats it.
func TestSettlementAfterItsDeadline(t *testing.T) {
	v := disktest.NewVolume(t, 64)
	q := openTest(t, filepath.Join(v.Dir(), "queue"), Options{SegmentSize: 256 << 10, MaxSize: 32 << 20, IOTimeout: 300 * time.Millisecond})
	opened(t, q)
	mustAppend(t, q, entry("m-1", "a"), entry("m-2", "a"))
	s := deadOf(t, q, "a")
	s.Counts = map[string]int{"dead:rejected": 2}
	for n := range 3 {
		s.ID = uint64(n + 1)
		v.Freeze()
		t.Cleanup(v.Thaw)
		if err := settle(q, "a", s); !errors.Is(err, ErrStalled) {
			t.Fatalf("frozen: %v", err)
		}
		v.Thaw()
		until(t, "the late settlement is done", func() bool {
			q.mu.Lock()
			defer q.mu.Unlock()
			l := q.lanes["a"]
			free := l.settling.TryLock()
			if free {
				l.settling.Unlock()
			}
			return free
		})
		if err := settle(q, "a", s); err != nil {
			t.Fatal(err)
		}
		if _, letters := deadIDs(t, q); fmt.Sprint(letters) != "[m-1 m-2]" {
			t.Fatalf("letters %q", letters)
		}
		if l, _ := q.Lane("a"); l.Counts["dead:rejected"] != int64(n+1)*2 {
			t.Fatalf("%d settlements were counted %d times", n+1, l.Counts["dead:rejected"]/2)
		}
	}
}

// If meta.db fails once during settlements with letters, 300 events become 300 letters, and none
// is visible before its settlement has committed.
func TestLettersWhenMetaFails(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{NoSync: true})
	for n := range 300 {
		mustAppend(t, q, entry(fmt.Sprintf("m-%03d", n), "a"))
	}
	total := 0
	for total < 300 {
		b, err := q.Read("a", 0, 60, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := Settlement{Settled: upto(b.Next)}
		for _, r := range b.Records {
			s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "a", Body: r.Body})
		}
		undo := failMeta(t, q)
		if err := settle(q, "a", s); err == nil {
			t.Fatal("meta.db did not fail")
		}
		undo()
		if _, letters := deadIDs(t, q); len(letters) != total {
			t.Fatalf("%d letters are visible, %d records are settled", len(letters), total)
		}
		if err := settle(q, "a", s); err != nil {
			t.Fatal(err)
		}
		total += len(s.Dead)
	}
	for range 2 {
		_, letters := deadIDs(t, q)
		if len(letters) != 300 || q.Stats().Dead != 300 || letters[0] != "m-000" || letters[299] != "m-299" {
			t.Fatalf("%d letters, %d counted", len(letters), q.Stats().Dead)
		}
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		q = openTest(t, dir, Options{NoSync: true})
		opened(t, q)
	}
}

// A crash between any two steps of a settlement (the lane's first row, its letters, its row)
// repeats the settlement. Afterwards there are exactly the letters of the repeated settlement, and
// a letter exists if and only if its record was settled.
func TestCrashWithinASettlement(t *testing.T) {
	for _, first := range []bool{true, false} {
		for _, c := range []struct {
			step string
			do   func(q *Queue, s Settlement) error
		}{
			{"before", func(*Queue, Settlement) error { return nil }},
			{"first row", func(q *Queue, _ Settlement) error {
				q.mu.Lock()
				l := q.lane("a")
				row := meta.Lane{Cursor: l.set.Cursor(), Gen: l.gen, State: l.state, Counts: l.counts}
				q.mu.Unlock()
				return q.meta.SaveLane("a", row, nil, nil)
			}},
			{"letters", func(q *Queue, s Settlement) error {
				q.mu.Lock()
				l := q.lane("a")
				row := meta.Lane{Cursor: l.set.Cursor(), Gen: l.gen, State: l.state, Counts: l.counts}
				q.mu.Unlock()
				return errors.Join(q.meta.SaveLane("a", row, nil, nil), q.dead.put("a", row.Gen+1, s.Dead))
			}},
		} {
			t.Run(fmt.Sprintf("%s, first=%v", c.step, first), func(t *testing.T) {
				dir := t.TempDir()
				q := openTest(t, dir, Options{})
				opened(t, q)
				want := "[x-1 x-2]"
				if !first {
					mustAppend(t, q, entry("earlier", "a"))
					settleDead(t, q, "a")
					want = "[earlier x-1 x-2]"
				}
				mustAppend(t, q, entry("x-1", "a"), entry("x-2", "a"))
				if err := c.do(q, deadOf(t, q, "a")); err != nil {
					t.Fatal(err)
				}
				// The process ends here. The next one finds this state of the disk.
				q = openTest(t, copyAsIs(t, q), Options{}) // not a live copy: the reserve might be being written
				opened(t, q)
				if _, letters := deadIDs(t, q); len(letters) != strings.Count(want, " ")-1 {
					t.Errorf("letters of a settlement that did not commit: %q", letters)
				}
				// The mapping has changed meanwhile: one record is delivered, the other becomes a letter again.
				s := deadOf(t, q, "a")
				if len(s.Dead) != 2 {
					t.Fatalf("%d records are pending", len(s.Dead))
				}
				s.Dead = s.Dead[1:]
				if err := settle(q, "a", s); err != nil {
					t.Fatal(err)
				}
				if _, letters := deadIDs(t, q); fmt.Sprint(letters) != strings.Replace(want, "x-1 ", "", 1) {
					t.Errorf("letters %q, want %s without x-1", letters, want)
				}
			})
		}
	}
}

// Losing meta.db loses no letter, and neither does a lane that starts over with a settlement of
// other letters.
func TestLettersOutliveMeta(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	mustAppend(t, q, entry("m-1", "a"), entry("m-2", "a"))
	settleDead(t, q, "a")
	for n := range 3 {
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, meta.Name)); err != nil {
			t.Fatal(err)
		}
		q = openTest(t, dir, Options{})
		opened(t, q)
		if _, letters := deadIDs(t, q); fmt.Sprint(letters) != "[m-1 m-2]" {
			t.Fatalf("loss %d: letters %q", n, letters)
		}
		settleDead(t, q, "a") // again, if its segment still exists
		if _, letters := deadIDs(t, q); fmt.Sprint(letters) != "[m-1 m-2]" {
			t.Fatalf("loss %d: letters %q after settling again", n, letters)
		}
	}
}

// A letter larger than the space for letters blocks no lane. It is cut, and not redriven.
func TestLetterLargerThanLimit(t *testing.T) {
	for _, drop := range []bool{false, true} {
		q := openTest(t, t.TempDir(), Options{DeadMaxSize: 16 << 10, DeadDropOldest: drop})
		opened(t, q)
		e := entry("large", "a")
		e.Body = make([]byte, 100<<10)
		rand.NewChaCha8([32]byte{1}).Read(e.Body) // does not compress
		if drop {
			mustAppend(t, q, entry("small", "a"))
			settleDead(t, q, "a")
		}
		mustAppend(t, q, e)
		settleDead(t, q, "a")
		ids, letters := deadIDs(t, q)
		if fmt.Sprint(letters) != "[large]" {
			t.Fatalf("letters %q", letters)
		}
		d, err := q.DeadLetter(ids[0])
		if err != nil || d.Cut == 0 || !bytes.HasPrefix(e.Body, d.Body) || len(d.Body) < 10<<10 {
			t.Errorf("%d bytes of body, %d cut, %v", len(d.Body), d.Cut, err)
		}
		if n, err := q.Redrive(ids, func(DeadLetter) []string { return []string{"a"} }); n != 0 || err != nil {
			t.Errorf("%d cut letters redriven, %v", n, err)
		}
	}
}

// One flipped bit anywhere in dead.db loses at most the letters that contain it, and the loss is
// counted. What is read is what was written.
func TestDeadBitFlips(t *testing.T) {
	rng, seed := seeded(t)
	src := t.TempDir()
	q := openTest(t, src, Options{NoSync: true})
	for n := range 60 {
		mustAppend(t, q, entry(fmt.Sprintf("m-%02d", n), fmt.Sprint("lane-", n%3)))
		settleDead(t, q, fmt.Sprint("lane-", n%3))
	}
	ids, _ := deadIDs(t, q)
	if n, err := q.DropDead(ids[5], ids[17]); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	good := readAll(t, filepath.Join(src, directory.Dead))
	flips := 60
	if exam() {
		flips = 2000
	}
	for n := range flips {
		b := bytes.Clone(good)
		at := rng.IntN(len(b))
		if n%3 > 0 {
			at = at&^4095 + rng.IntN(200)
		}
		b[at] ^= 1 << rng.IntN(8)
		put(t, filepath.Join(src, directory.Dead), b)
		q, err := Open(src, Options{NoSync: true})
		if err != nil {
			t.Fatalf("seed %d, flip at %d: %v", seed, at, err)
		}
		opened(t, q)
		seen := map[string]bool{}
		if err := q.DeadLetters("", func(d DeadLetter) bool {
			if string(d.Body) != string(entry(d.MessageID, "").Body) || seen[d.MessageID] {
				t.Errorf("seed %d, flip at %d: %+v", seed, at, d)
			}
			seen[d.MessageID] = true
			return true
		}); err != nil {
			t.Errorf("seed %d, flip at %d: %v", seed, at, err)
		}
		lost := 0
		for n := range 60 {
			if id := fmt.Sprintf("m-%02d", n); n != 5 && n != 17 && !seen[id] {
				lost++
			}
		}
		if st := q.Stats(); lost > 1 || lost > 0 && (st.BadSegments == 0 || st.BadChunks == 0) {
			t.Errorf("seed %d, flip at %d: %d letters are lost; reported: %d damaged files, %d damaged parts", seed, at, lost, st.BadSegments, st.BadChunks)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		m, _ := filepath.Glob(filepath.Join(src, "*.bad"))
		for _, f := range m {
			os.Remove(f)
		}
	}
}
