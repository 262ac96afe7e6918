package boltscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// makeFile creates a bbolt file with pages of pageSize bytes. It runs each of fill in a
// transaction of its own.
func makeFile(t testing.TB, pageSize int, fill ...func(tx *bolt.Tx) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: pageSize, NoSync: true, NoFreelistSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, fn := range fill {
		if err := db.Update(fn); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// put stores n keys, with values of up to size bytes.
func put(bucket string, n, size int) func(tx *bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte(bucket))
		for i := range n {
			if err == nil {
				err = b.Put(fmt.Appendf(nil, "%s-%05d", bucket, i), bytes.Repeat([]byte{byte(i)}, 1+i*31%size))
			}
		}
		return err
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// entries returns what Walk finds under the newest meta page, in order.
func entries(f *File, bucket string) (out []string, err error) {
	err = f.Walk(f.Metas()[0], []byte(bucket), func(k, v []byte) error {
		out = append(out, fmt.Sprintf("%s=%x", k, v))
		return nil
	})
	return out, err
}

// After any sequence of transactions Walk finds the same entries as bbolt, and no damage.
func TestWalkAgreesWithBbolt(t *testing.T) {
	for _, c := range []struct {
		pageSize, keys, rounds, largest int
		fill                            float64
	}{
		{1 << 10, 3, 5, 20, 0.5},      // a bucket inside its parent's page
		{1 << 10, 3000, 60, 40, 0.5},  // several levels
		{4 << 10, 3000, 60, 200, 1},   // like a segment
		{4 << 10, 300, 40, 20_000, 1}, // values of several pages
		{16 << 10, 3000, 20, 300, 0.1},
		{64 << 10, 3000, 20, 900, 0.5},
	} {
		t.Run(fmt.Sprintf("pages of %d, %d keys", c.pageSize, c.keys), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(c.keys)))
			want := make(map[string]string)
			var fill []func(tx *bolt.Tx) error
			for range c.rounds {
				fill = append(fill, func(tx *bolt.Tx) error {
					if _, err := tx.CreateBucketIfNotExists([]byte("another")); err != nil {
						return err
					}
					b, err := tx.CreateBucketIfNotExists([]byte("b"))
					if err != nil {
						return err
					}
					b.FillPercent = c.fill
					from, n := rng.IntN(c.keys), rng.IntN(c.keys/3+2)
					gone := rng.IntN(3) == 0
					for i := from; i < from+n; i++ {
						k, v := fmt.Sprintf("key-%05d", i), bytes.Repeat([]byte{byte(i)}, rng.IntN(c.largest))
						if gone {
							delete(want, k)
							err = errors.Join(err, b.Delete([]byte(k)))
						} else {
							want[k] = string(v)
							err = errors.Join(err, b.Put([]byte(k), v))
						}
					}
					return err
				})
			}
			for n := 1; n <= len(fill); n += max(1, len(fill)/4) {
				clear(want)
				f := open(t, makeFile(t, c.pageSize, fill[:n]...))
				f.ReadAhead()
				var all []string
				for _, k := range slices.Sorted(maps.Keys(want)) {
					all = append(all, fmt.Sprintf("%s=%x", k, want[k]))
				}
				if got, err := entries(f, "b"); err != nil || !slices.Equal(got, all) {
					t.Fatalf("after %d transactions: Walk found %d entries, want %d; %v", n, len(got), len(all), err)
				}
			}
		})
	}
}

func TestWalkAll(t *testing.T) {
	f := open(t, makeFile(t, 4096, put("a", 10, 9), put("b", 500, 90)))
	none := func(string, []byte, []byte) error { return nil }
	n := make(map[string]int)
	count := func(bucket string, _, _ []byte) error { n[bucket]++; return nil }
	if err := f.WalkAll(f.Metas()[0], [][]byte{[]byte("b"), []byte("a")}, count); err != nil || n["a"] != 10 || n["b"] != 500 {
		t.Errorf("%v, %v", n, err)
	}
	for _, names := range [][]string{{"a"}, {"a", "c"}, {"a", "b", "c"}} {
		var bs [][]byte
		for _, n := range names {
			bs = append(bs, []byte(n))
		}
		if err := f.WalkAll(f.Metas()[0], bs, none); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", names, err)
		}
	}
	stop := errors.New("stop")
	for _, bucket := range []string{"a", "b"} {
		n := 0
		if err := f.Walk(f.Metas()[0], []byte(bucket), func(_, _ []byte) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
			t.Errorf("%s: %d entries, %v", bucket, n, err)
		}
	}
	if err := f.Walk(f.Metas()[0], []byte("c"), func(_, _ []byte) error { return stop }); err != nil {
		t.Errorf("bucket that does not exist: %v", err)
	}
	nested := open(t, makeFile(t, 4096, func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("a"))
		if err == nil {
			_, err = b.CreateBucket([]byte("in it"))
		}
		return err
	}))
	if _, err := entries(nested, "a"); !errors.Is(err, ErrDamaged) {
		t.Errorf("nested bucket: %v", err)
	}
}

// After a bit is flipped Walk fails, or finds as many entries as before with at most one of
// them changed. It cannot detect a pointer to another intact page, such as an older version:
// its callers compare what they find with what they expect.
func TestWalkFlips(t *testing.T) {
	b := read(t, makeFile(t, 1024, put("a", 4, 20), put("b", 200, 90), put("c", 9, 2500)))
	f, err := New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]string)
	for _, bucket := range []string{"a", "b", "c"} {
		if want[bucket], err = entries(f, bucket); err != nil {
			t.Fatal(err)
		}
	}
	noticed := 0
	pointer := pointers(t, f)
	for at := 2 * 1024; at < len(b); at++ {
		if at%1024 > 200 && at%9 > 0 || pointer[at] {
			continue
		}
		b[at] ^= 1 << (at % 8)
		for bucket, want := range want {
			got, err := entries(f, bucket)
			if errors.Is(err, ErrDamaged) {
				noticed++
				continue
			}
			other := 0
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					other++
				}
			}
			renamed := len(got) == 0 // the name of the bucket has changed, which WalkAll detects
			if err != nil || (len(got) != len(want) && !renamed) || other > 1 {
				t.Errorf("byte %d: %d of %d entries in %s, %d changed, %v", at, len(got), len(want), bucket, other, err)
			}
		}
		b[at] ^= 1 << (at % 8)
	}
	if noticed == 0 {
		t.Error("no flip was detected")
	}
}

// pointers returns the offsets of the bytes of a file that contain page ids.
func pointers(t *testing.T, f *File) map[int]bool {
	t.Helper()
	out := make(map[int]bool)
	add := func(at int) {
		for i := range 8 {
			out[at+i] = true
		}
	}
	for id := range uint64(f.size) / uint64(f.pageSize) {
		var p page
		if f.read(&p, id, 1<<32, 1<<32) != nil {
			continue
		}
		es, err := p.elements(nil)
		if err != nil {
			continue
		}
		at := int(id) * f.pageSize
		for i, e := range es {
			if !p.leaf {
				add(at + pageHead + i*elemSize + 8)
			} else if e.flags&elemBucket != 0 {
				add(at + e.at)
			}
		}
	}
	return out
}

// The key of a branch page must equal the first key of its child.
func TestWalkBranchKeys(t *testing.T) {
	b := read(t, makeFile(t, 1024, put("b", 2000, 90)))
	f, err := New(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	reached := make(map[int]bool)
	w := walker{f: f, m: f.Metas()[0], seen: make([]uint64, len(b)/1024/64+1), fn: func(string, []byte, []byte) error { return nil }}
	if err := w.tree(w.m.root, "", 0, nil, nil); err != nil {
		t.Fatal(err)
	}
	flips := 0
	for id := 2; id < len(b)/1024; id++ {
		page := b[id*1024 : (id+1)*1024]
		if reached[id] = w.seen[id/64]&(1<<(id%64)) != 0; !reached[id] || binary.LittleEndian.Uint16(page[8:]) != pageBranch {
			continue
		}
		n := int(binary.LittleEndian.Uint16(page[10:]))
		for at := pageHead + n*elemSize; at < pageHead+n*(elemSize+len("b-00000")); at++ {
			page[at] ^= 2
			if _, err := entries(f, "b"); !errors.Is(err, ErrDamaged) {
				t.Fatalf("page %d, byte %d: %v", id, at, err)
			}
			page[at] ^= 2
			flips++
		}
	}
	if flips < 100 {
		t.Errorf("%d flips", flips)
	}
}

func TestDamagedFiles(t *testing.T) {
	le := binary.LittleEndian
	whole := read(t, makeFile(t, 1024, put("b", 200, 90), put("b", 200, 80)))
	for _, c := range []struct {
		name  string
		hurt  func(b []byte) []byte
		metas int
	}{
		{"empty", func([]byte) []byte { return nil }, 0},
		{"noise", func(b []byte) []byte { return bytes.Repeat([]byte("noise"), len(b)/5) }, 0},
		{"no meta page", func(b []byte) []byte { clear(b[:2048]); return b }, 0},
		{"the first meta page is gone", func(b []byte) []byte { clear(b[:1024]); return b }, 1},
		{"the second meta page is gone", func(b []byte) []byte { clear(b[1024:2048]); return b }, 1},
		{"cut behind the meta pages", func(b []byte) []byte { return b[:2048] }, 2},
		{"another version", func(b []byte) []byte { b[pageHead+4]++; b[1024+pageHead+4]++; return b }, 0},
		{"an invalid page size", func(b []byte) []byte { le.PutUint32(b[pageHead+8:], 1000); fixSum(b); return b }, 1},
		{"a huge page size", func(b []byte) []byte { le.PutUint32(b[pageHead+8:], 1<<30); fixSum(b); return b }, 1},
		{"a root page beyond the file", func(b []byte) []byte { le.PutUint64(b[pageHead+16:], 1<<60); fixSum(b); return b }, 2},
		{"more pages than the file", func(b []byte) []byte { le.PutUint64(b[pageHead+40:], 1<<60); fixSum(b); return b }, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := c.hurt(bytes.Clone(whole))
			f, err := New(bytes.NewReader(b), int64(len(b)))
			if len(f.Metas()) != c.metas || errors.Is(err, ErrDamaged) != (c.metas == 0) {
				t.Fatalf("%d meta pages, %v", len(f.Metas()), err)
			}
			for _, m := range f.Metas() {
				if err := f.Walk(m, []byte("b"), func(_, _ []byte) error { return nil }); err != nil && !errors.Is(err, ErrDamaged) {
					t.Error(err)
				}
			}
			if err := f.Scan(func(_, _ []byte, _ int64) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

// fixSum corrects the checksum of the first meta page.
func fixSum(b []byte) {
	h := uint64(14695981039346656037)
	for _, c := range b[pageHead : pageHead+56] {
		h = (h ^ uint64(c)) * 1099511628211
	}
	binary.LittleEndian.PutUint64(b[pageHead+56:], h)
}

// The newer meta page counts. The older one leads to the state before the last commit.
func TestOlderMeta(t *testing.T) {
	f := open(t, makeFile(t, 4096, put("b", 100, 90), put("c", 10, 9)))
	n := make([]int, 2)
	for i, m := range f.Metas() {
		if err := f.Walk(m, []byte("c"), func(_, _ []byte) error { n[i]++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.Metas()) != 2 || n[0] != 10 || n[1] != 0 {
		t.Errorf("the older meta page leads to %d entries", n)
	}
}

// Scan finds every entry at its offset, even without meta pages, and removed entries until
// their page is reused.
func TestScan(t *testing.T) {
	for _, size := range []int{20, 300, 9000} {
		path := makeFile(t, os.Getpagesize(), put("a", 3, 9), put("b", 100, size), func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("b")).Delete([]byte("b-00050"))
		})
		b := read(t, path)
		clear(b[:2*os.Getpagesize()])
		f, err := New(bytes.NewReader(b), int64(len(b)))
		if !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		found := make(map[string]bool)
		if err := f.Scan(func(k, v []byte, off int64) error {
			found[string(k)] = true
			at := make([]byte, len(v))
			if _, err := f.ReadAt(at, off); err != nil || !bytes.Equal(at, v) {
				t.Errorf("%s is not at %d: %v", k, off, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if k := fmt.Sprintf("b-%05d", i); !found[k] && (i != 50 || size == 20) {
				t.Errorf("values of %d bytes: %s was not found", size, k)
			}
		}
		if !found["a-00002"] {
			t.Error("no entry of the small bucket was found")
		}
		stop := errors.New("stop")
		if err := f.Scan(func(_, _ []byte, _ int64) error { return stop }); !errors.Is(err, stop) {
			t.Error(err)
		}
	}
}

// badDisk returns an error for one page.
type badDisk struct {
	io.ReaderAt
	from, to int64
}

var errDisk = errors.New("input/output error")

func (d badDisk) ReadAt(b []byte, off int64) (int, error) {
	if off < d.to && off+int64(len(b)) > d.from {
		return 0, errDisk
	}
	return d.ReaderAt.ReadAt(b, off)
}

// Data that the disk does not return is neither damaged nor intact.
func TestUnread(t *testing.T) {
	b := read(t, makeFile(t, 1024, put("b", 500, 90)))
	for _, ahead := range []bool{false, true} {
		disk := badDisk{bytes.NewReader(b), 10 * 1024, 11 * 1024}
		f, err := New(disk, int64(len(b)))
		if err != nil || f.Unread() != nil {
			t.Fatal(err, f.Unread())
		}
		if ahead {
			f.ReadAhead()
		}
		if _, err := entries(f, "b"); !errors.Is(err, errDisk) || errors.Is(err, ErrDamaged) {
			t.Errorf("walk: %v", err)
		}
		n := 0
		if err := f.Scan(func(_, _ []byte, _ int64) error { n++; return nil }); err != nil || n < 400 {
			t.Errorf("scan: %d entries, %v", n, err)
		}
		if !errors.Is(f.Unread(), errDisk) {
			t.Errorf("unread: %v", f.Unread())
		}
	}
}

func TestOpenMissing(t *testing.T) {
	if f, err := Open(filepath.Join(t.TempDir(), "none")); f != nil || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestReadAhead(t *testing.T) {
	b := make([]byte, 3*aheadBytes+17)
	for i := range b {
		b[i] = byte(i >> 8 * 7)
	}
	r := &readAhead{r: bytes.NewReader(b)}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := 1 + rng.IntN(aheadBytes*3/4)
		off := rng.IntN(len(b) - n + 1)
		got := make([]byte, n)
		if k, err := r.ReadAt(got, int64(off)); k != n || err != nil && err != io.EOF || !bytes.Equal(got, b[off:off+n]) {
			t.Fatalf("%d bytes at %d: %d, %v", n, off, k, err)
		}
	}
	if _, err := r.ReadAt(make([]byte, 30), int64(len(b)-10)); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}
