package local

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// After a write that failed meta.db is not written on: the next one goes to a
// new file, which holds all that the old one did.
func TestMetaRenewed(t *testing.T) {
	for name, o := range map[string]Options{"plain": {}, "sealed": {Key: make([]byte, 32)}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, metaName)
			q := openTest(t, dir, o)
			mustAppend(t, q, entry("m-1", "l"), entry("m-2", "l"), entry("m-3", "other"))
			if err := q.SetNote("note", []byte("kept")); err != nil {
				t.Fatal(err)
			}
			if err := q.Settle("l", Settlement{Settled: upto(q.tail.first() + 1), State: []byte("state")}); err != nil {
				t.Fatal(err)
			}
			q.mu.Lock()
			q.voids = append(q.voids, voidRange{1 << 50, 1<<50 + 7})
			q.mu.Unlock()
			if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil { // saves it
				t.Fatal(err)
			}
			until(t, "the segment is sealed and noted", func() bool {
				q.mu.Lock()
				defer q.mu.Unlock()
				return len(q.sealed) == 1
			})
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			was, err := q.meta.load()
			if err != nil {
				t.Fatal(err)
			}
			torn := errors.New("the sync failed")
			if err := q.meta.update(func(*bolt.Tx) error { return torn }); !errors.Is(err, torn) {
				t.Fatal(err)
			}
			if err := q.SetNote("after", []byte("too")); err != nil {
				t.Fatal(err)
			}
			after, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if os.SameFile(before, after) {
				t.Error("the file that failed is written on")
			}
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			q = openTest(t, dir, o)
			opened(t, q)
			got, err := q.meta.load()
			if err != nil || got.bad > 0 || string(got.secret) != string(was.secret) || len(got.voids) != 1 || got.lanes["l"].Cursor != was.lanes["l"].Cursor ||
				string(got.lanes["l"].State) != "state" || !maps.Equal(got.sealed, was.sealed) {
				t.Errorf("it held %+v and holds %+v, %v", was, got, err)
			}
			if string(q.Note("note")) != "kept" || string(q.Note("after")) != "too" || q.Stats().MetaRebuilt {
				t.Error("notes are lost")
			}
			if ids := drainAll(t, q, "l"); len(ids) != 1 {
				t.Errorf("drained %q", ids)
			}
		})
	}
}
