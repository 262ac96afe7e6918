package local_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"relay/queue"
	"relay/queue/local"
)

// A flipped bit in a branch page of a segment, which contains no record itself, loses no record:
// not if the segment is opened with it, sealed or as left by a crash, nor if it happens while
// the segment is being read. Nothing is skipped.
func TestFlipInBranchPage(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	const n = 300
	o := local.Options{SegmentSize: 64 << 10, NoSync: true}
	rng := rand.New(rand.NewPCG(7, 919))
	closed, crashed := filepath.Join(t.TempDir(), "closed"), filepath.Join(t.TempDir(), "crashed")
	q := openWhole(t, closed, o)
	for i := range n {
		b := make([]byte, 500)
		for k := range b {
			b[k] = byte(i*7919 + k*k*31)
		}
		if _, err := q.Append(t.Context(), []queue.Entry{{ID: fmt.Sprint(i), Lanes: []string{"l"}, Body: b}}); err != nil {
			t.Fatal(err)
		}
	}
	copyLive(t, crashed, closed)
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		src     string
		reading bool // the segment is open and was read before
	}{
		{"sealed", closed, false},
		{"left by a crash", crashed, false},
		{"while being read", closed, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			flips, found := 0, 0
			segs, _ := filepath.Glob(filepath.Join(c.src, "*.seg"))
			for _, seg := range segs {
				whole, err := os.ReadFile(seg)
				if err != nil {
					t.Fatal(err)
				}
				for _, at := range branchBytes(whole) {
					if rng.IntN(12) > 0 {
						continue
					}
					dir := filepath.Join(t.TempDir(), "hurt")
					if err := os.CopyFS(dir, os.DirFS(c.src)); err != nil {
						t.Fatal(err)
					}
					flip := func() {
						f, err := os.OpenFile(filepath.Join(dir, filepath.Base(seg)), os.O_RDWR, 0)
						if err != nil {
							t.Fatal(err)
						}
						defer f.Close()
						if _, err := f.WriteAt([]byte{whole[at] ^ 1<<rng.IntN(8)}, int64(at)); err != nil {
							t.Fatal(err)
						}
					}
					if !c.reading {
						flip()
					}
					q := openWhole(t, dir, o)
					if c.reading {
						wantAll(t, q, n, "before")
						flip()
					}
					wantAll(t, q, n, fmt.Sprintf("%s, flipped at %d", filepath.Base(seg), at))
					flips++
					if st := q.Stats(); st.BadSegments > 0 {
						found++
					}
					if st := q.Stats(); st.LostRecords > 0 {
						t.Errorf("%s, flipped at %d: %d records are reported as lost", filepath.Base(seg), at, st.LostRecords)
					}
					if err := q.Close(); err != nil {
						t.Error(err)
					}
					os.RemoveAll(dir)
				}
			}
			if c.src == closed && found < flips/8 { // after a crash the older meta page can be used
				t.Errorf("%d of %d flips were detected", found, flips)
			}
		})
	}
}

// openWhole opens a queue and waits until it has opened all old segments.
func openWhole(t *testing.T, dir string, o local.Options) *local.Queue {
	t.Helper()
	q, err := local.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for {
		changed := q.Changed()
		if !q.Stats().Opening {
			return q
		}
		<-changed
	}
}

// wantAll reads the lane, which must contain records 0 to n-1.
func wantAll(t *testing.T, q *local.Queue, n int, where string) {
	t.Helper()
	b, err := q.Read("l", 0, 10*n, 1<<30)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if len(b.Records) != n {
		t.Errorf("%s: %d records of %d are read", where, len(b.Records), n)
	}
	for i, r := range b.Records {
		if len(b.Records) == n && r.ID != fmt.Sprint(i) {
			t.Fatalf("%s: record %d is %s", where, i, r.ID)
		}
	}
}

// branchBytes returns the offsets of meaningful bytes in a bbolt file's branch pages: heads,
// elements and keys.
func branchBytes(file []byte) (out []int) {
	for page := 0; page+4096 <= len(file); page += 4096 {
		if binary.LittleEndian.Uint16(file[page+8:]) != 1 {
			continue
		}
		n := int(binary.LittleEndian.Uint16(file[page+10:]))
		for i := range 16 + n*(16+10) {
			out = append(out, page+i)
		}
	}
	return out
}

// copyLive copies the directory of an open queue. It starts over if a file was replaced
// meanwhile.
func copyLive(t *testing.T, to, from string) {
	t.Helper()
	for {
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return
		}
		if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}
