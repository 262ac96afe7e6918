package local

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/local/directory"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

var makeGolden = flag.Bool("golden", false, "write testdata of the present format; never over what is there")

var goldenKey = []byte("a key that only this test may use")[:32]

// goldenDir creates a directory that uses everything in the format.
func goldenDir(t *testing.T, dir string, o Options) {
	t.Helper()
	q, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	opened(t, q)
	mustAppend(t, q, entry("settled-1", "701"), entry("dead-1", "701"))
	settleDead(t, q, "701")
	mustAppend(t, q, entry("m-1", "701"), entry("m-2", "701", "702"), entry("m-3", queue.LaneUnmapped))
	if err := settle(q, "701", Settlement{State: []byte("state of 701"), Counts: map[string]int{"delivered": 2}}); err != nil {
		t.Fatal(err)
	}
	if err := q.SetNote("note", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := q.onTail(func(w *writer) error { return w.rotate() }); err != nil {
		t.Fatal(err)
	}
	big := entry("m-4", "702")
	big.Body = bodyOf("m-4" + strings.Repeat("-", 8000))
	big.Flags = queue.FlagImported
	mustAppend(t, q, big, entry("m-5", "702"), entry("m-6", "702"))
	b, err := q.Read("702", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	m5, m6 := b.Records[2].Seq, b.Records[3].Seq
	if err := settle(q, "702", Settlement{Settled: []queue.Range{{From: m5, To: m6}}, Parts: []queue.Part{{Seq: m6, Slots: 2}}}); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(dir, directory.Reserve))
	os.Remove(filepath.Join(dir, directory.Lock))
}

// TestGolden opens directories that were written when their format was new. They are never
// rewritten.
func TestGolden(t *testing.T) {
	for name, o := range map[string]Options{
		"format-2":        {SegmentSize: 64 << 10, DedupWindow: 1 << 62},
		"format-2-sealed": {SegmentSize: 64 << 10, DedupWindow: 1 << 62, Key: goldenKey},
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name)
			if *makeGolden {
				if _, err := os.Stat(golden); err == nil {
					t.Fatalf("%s exists", golden)
				}
				made := o
				made.Now = func() time.Time { return time.UnixMilli(1_790_000_000_000) }
				goldenDir(t, golden, made)
			}
			dir := filepath.Join(t.TempDir(), "queue")
			if err := os.CopyFS(dir, os.DirFS(golden)); err != nil {
				t.Fatal(err)
			}
			q := openTest(t, dir, o)
			opened(t, q)
			if a := mustAppend(t, q, entry("settled-1", "701"), entry("m-1", "701"), entry("new", "702")); a != (Appended{Stored: 1, Duplicates: 2}) {
				t.Errorf("appended %+v", a)
			}
			st, _ := q.Lane("701")
			if string(st.State) != "state of 701" || st.Counts["delivered"] != 2 || string(q.Note("note")) != "kept" {
				t.Errorf("lane %+v, note %q", st, q.Note("note"))
			}
			b, err := q.Read("702", 0, 0, 0)
			if err != nil || len(b.Records) != 4 || b.Records[2].Settled != 2 || b.Records[1].Flags != queue.FlagImported || string(b.Records[1].Body) != string(bodyOf("m-4"+strings.Repeat("-", 8000))) {
				t.Errorf("lane 702: %+v, %v", b.Records, err)
			}
			if got := fmt.Sprint(drainAll(t, q, "701"), drainAll(t, q, "702"), drainAll(t, q, queue.LaneUnmapped)); got != "[m-1 m-2] [m-2 m-4 m-6 new] [m-3]" {
				t.Errorf("drained %s", got)
			}
			if _, letters := deadIDs(t, q); fmt.Sprint(letters) != "[settled-1 dead-1]" {
				t.Errorf("dead letters %q", letters)
			}
			if st := q.Stats(); st.BadSegments+st.BadChunks > 0 || st.MetaRebuilt {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A directory of another format is refused without changing a byte of it.
func TestOtherFormat(t *testing.T) {
	for _, c := range []struct {
		file   string
		format int
		want   error
	}{
		{meta.Name, files.Version + 1, ErrNewerFormat},
		{"segment", files.Version + 1, ErrNewerFormat},
		{meta.Name, 1, ErrOlderFormat},
		{"segment", 1, ErrOlderFormat},
	} {
		t.Run(fmt.Sprint(c.file, " ", c.format), func(t *testing.T) {
			dir := t.TempDir()
			q := openTest(t, dir, Options{})
			mustAppend(t, q, entry("a", "l"))
			if err := q.Close(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, meta.Name)
			bucket, key := []byte("dir"), []byte("info")
			js := fmt.Sprintf(`{"format":%d,"sum":%d,"something":"other"}`, c.format, files.FormatSum(c.format))
			if c.file != meta.Name {
				path, bucket, key = segment.Path(dir, 1), []byte("relay"), []byte("segment")
			}
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(key, []byte(js)) }); err != nil {
				t.Fatal(err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			before := content(t, dir)
			if _, err := Open(dir, Options{}); !errors.Is(err, c.want) {
				t.Fatal(err)
			}
			if _, err := OpenReadOnly(dir); !errors.Is(err, c.want) {
				t.Fatal(err)
			}
			after := content(t, dir)
			for name, b := range before {
				if after[name] != b {
					t.Errorf("%s has changed", name)
				}
			}
			if len(before) != len(after) {
				t.Errorf("%d files became %d", len(before), len(after))
			}
		})
	}
}

// content returns every file of dir.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out[path] = string(readAll(t, path))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
