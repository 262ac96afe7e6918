package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"relay/internal/seal"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/step"
)

// Backups are taken while records are appended, settled and become dead letters. Each copy
// contains everything confirmed when it began, unless it was settled, and no record is pending
// in it that was settled by then.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := openTest(t, dir, Options{SegmentSize: 64 << 10, NoSync: true})
	var stop atomic.Bool
	var mu sync.Mutex
	acked, settled, passed := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				id := fmt.Sprintf("m-%d-%d", p, n)
				if _, err := q.Append(t.Context(), []Entry{entry(id, "a")}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Go(func() {
		for !stop.Load() {
			c := q.Changed()
			b, err := q.Read("a", 0, 50, 0)
			if err != nil {
				t.Error(err)
				return
			}
			if len(b.Records) == 0 {
				<-c
				continue
			}
			s := Settlement{Settled: upto(b.Next)}
			mu.Lock() // before it happens, since a copy can contain it from now on
			for i, r := range b.Records {
				if i == 0 {
					s.Dead = append(s.Dead, DeadLetter{Seq: r.Seq, MessageID: r.ID, EventSet: "a", Reason: "rejected", Body: r.Body})
				} else {
					settled[r.ID] = true
				}
			}
			mu.Unlock()
			if err := settle(q, "a", s); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			for _, r := range b.Records {
				passed[r.ID] = true
			}
			mu.Unlock()
		}
	})
	until(t, "there is something to copy", func() bool { mu.Lock(); defer mu.Unlock(); return len(settled) > 2000 })
	for n := range 5 {
		mu.Lock()
		before := make([]string, 0, len(acked))
		for id := range acked {
			before = append(before, id)
		}
		behind := maps.Clone(passed)
		mu.Unlock()
		copied := filepath.Join(t.TempDir(), fmt.Sprint("copy-", n))
		if err := q.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		c := openTest(t, copied, Options{NoSync: true})
		opened(t, c)
		if st := c.Stats(); st.BadChunks+st.BadSegments+st.LostRecords > 0 || st.MetaRebuilt {
			t.Errorf("copy %d is damaged: %+v", n, st)
		}
		have := map[string]bool{}
		for _, id := range drainAll(t, c, "a") {
			have[id] = true
			if behind[id] {
				t.Errorf("copy %d: %s is pending although its settlement was confirmed before", n, id)
			}
		}
		if err := c.DeadLetters("", func(dl DeadLetter) bool { have[dl.MessageID] = true; return true }); err != nil {
			t.Fatal(err)
		}
		lost := 0
		mu.Lock()
		for _, id := range before {
			if !have[id] && !settled[id] {
				lost++
			}
		}
		mu.Unlock()
		if lost > 0 {
			t.Errorf("copy %d lacks %d of %d confirmed records", n, lost, len(before))
		}
	}
	stop.Store(true)
	mustAppend(t, q, entry("last", "a")) // wakes the reader
	wg.Wait()
}

// A backup is taken while records are appended. After it is opened, the senders repeat
// everything. Every confirmed record is then in the copy once: none is lost as a supposed
// duplicate, and none is stored twice.
func TestReplayAfterRestore(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	q := openTest(t, t.TempDir(), Options{SegmentSize: 64 << 10, NoSync: true})
	var stop atomic.Bool
	var mu sync.Mutex
	var journal []string
	var wg sync.WaitGroup
	for p := range 3 {
		wg.Go(func() {
			for n := 0; !stop.Load(); n++ {
				id := fmt.Sprintf("m-%d-%d", p, n)
				if _, err := q.Append(t.Context(), []Entry{entry(id, "a")}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				journal = append(journal, id)
				mu.Unlock()
			}
		})
	}
	sent := func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(journal) }
	for n := range 5 {
		until(t, "there is more to copy", func() bool { return len(sent()) > (n+1)*500 })
		copied := filepath.Join(t.TempDir(), fmt.Sprint("copy-", n))
		if err := q.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		replayed := sent()
		c := openTest(t, copied, Options{NoSync: true})
		stored, again := 0, 0
		for part := range slices.Chunk(replayed, 500) {
			es := make([]Entry, 0, len(part))
			for _, id := range part {
				es = append(es, entry(id, "a"))
			}
			a := mustAppend(t, c, es...)
			stored, again = stored+a.Stored, again+a.Duplicates
		}
		count := map[string]int{}
		for _, id := range drainAll(t, c, "a") {
			count[id]++
		}
		lost, twice := 0, 0
		for _, id := range replayed {
			if count[id] == 0 {
				lost++
			}
			if count[id] > 1 {
				twice++
			}
		}
		if lost > 0 || twice > 0 || again == 0 {
			t.Errorf("copy %d: of %d records %d are lost, %d are stored twice (%d stored, %d duplicates)", n, len(replayed), lost, twice, stored, again)
		}
	}
	stop.Store(true)
	wg.Wait()
}

// The ids of a segment are in a backup even if they are in memory only, because their file
// cannot be written.
func TestBackupHasIDsInMemory(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{NoSync: true})
	opened(t, q)
	mustAppend(t, q, entry("m-1", "a"))
	block := files.Path(dir, q.writer.tail.Num, ids.Suffix) // a directory blocks the path of the file
	if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := q.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(block); err != nil {
		t.Fatal(err)
	}
	c := openTest(t, copied, Options{})
	drainAll(t, c, "a") // its segment can be unlinked
	if a := mustAppend(t, c, entry("m-1", "a"), entry("m-2", "a")); a.Duplicates != 1 || a.Stored != 1 {
		t.Errorf("%+v", a)
	}
}

// Every backup contains the secret of the installation. The copy of a directory without one has
// none.
func TestBackupHasTheSecret(t *testing.T) {
	dir := t.TempDir()
	q := openTest(t, dir, Options{})
	mustAppend(t, q, entry("m-1", "a"))
	before := filepath.Join(t.TempDir(), "before")
	if err := q.Backup(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.ReadSecret(before); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("copy of a directory without a secret: %v", err)
	}
	want, err := seal.Secret(dir)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := q.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	opened(t, openTest(t, copied, Options{})) // opening it must not change the secret
	if got, err := seal.Secret(copied); err != nil || !bytes.Equal(got, want) {
		t.Errorf("secret of the copy: %x, %v; want %x", got, err, want)
	}
}

// At every step a backup is complete or absent under its name. A cancelled one leaves nothing.
func TestBackupIsAtomic(t *testing.T) {
	src := makeSteps(t, true)
	q := openTest(t, src, stepOptions())
	opened(t, q)
	mustAppend(t, q, tail()...)
	before, err := look(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, empty := range []bool{false, true} {
		root := t.TempDir()
		dir := filepath.Join(root, "backup")
		if empty {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		steps, placed := 0, false
		absent := func() {
			if es, err := os.ReadDir(dir); len(es) > 0 && !placed {
				t.Errorf("step %d: the backup is incomplete: %v, %v", steps, es, err)
			}
		}
		stop := step.Watch(func(k step.Kind, path string) func() {
			steps++
			absent()
			return func() {
				placed = placed || path == dir && k == step.Place
				absent()
			}
		})
		err := q.Backup(t.Context(), dir)
		stop()
		if err != nil || !placed {
			t.Fatalf("%v, placed %v", err, placed)
		}
		if err := reopened(t, dir, stepOptions(), func(b *Queue) error { return same(b, before) }); err != nil {
			t.Error(err)
		}
		if err := q.Backup(t.Context(), dir); !errors.Is(err, os.ErrExist) {
			t.Errorf("backup over another one: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		q.mu.Lock()
		s := q.segs[0]
		ready := s.ready
		s.ready = make(chan struct{})
		q.mu.Unlock()
		err = q.Backup(ctx, filepath.Join(root, "given up"))
		q.mu.Lock()
		s.ready = ready
		q.mu.Unlock()
		if es, _ := os.ReadDir(root); !errors.Is(err, context.Canceled) || len(es) != 1 {
			t.Errorf("cancelled: %v, files left: %v", err, es)
		}
	}
}

// A backup that begins while meta.db is rewritten succeeds.
func TestBackupDuringMetaRewrite(t *testing.T) {
	q := openTest(t, makeSteps(t, true), stepOptions())
	opened(t, q)
	ended := make(chan error, 1)
	go func() { ended <- q.SetKeys(slices.Repeat([]byte{9}, 32)) }()
	for n := 0; len(q.Stats().KeysInUse) != 1 || q.Stats().KeysInUse[0] == 0; n++ {
		if err := q.Backup(t.Context(), filepath.Join(t.TempDir(), fmt.Sprint(n))); err != nil {
			t.Fatalf("backup %d: %v", n, err)
		}
		q.reseal()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
