package local

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// The power is cut during the one sync of a commit: any of its pages, the meta page included, can
// have reached the disk or not. Everything confirmed before must be there, and of the commit itself
// nothing or all.
func TestTornCommit(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: long, and its goroutines are those of other tests")
	}
	t.Parallel()
	for _, size := range []int{40, 900, 5000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			rng, seed := seeded(t)
			src := t.TempDir()
			q := openTest(t, src, Options{SegmentSize: 1 << 20, NoSync: true})
			path := q.writer.tail.Path
			body := func(i int) []byte {
				b := make([]byte, 1+i*37%size)
				for j := range b {
					b[j] = byte(rng.Uint32())
				}
				return b
			}
			add := func(i, n int) {
				var es []Entry
				for k := range n {
					e := entry(fmt.Sprintf("m-%d-%d", i, k), "l")
					e.Body = body(i + k)
					es = append(es, e)
				}
				mustAppend(t, q, es...)
			}
			var meta []byte
			commits := 12
			if exam() {
				commits = 120
			}
			for i := range commits {
				before := readAll(t, path)
				confirmed := int(q.Stats().Appended)
				n := 1 + rng.IntN(3)
				add(i, n)
				after := readAll(t, path)
				if i < 3 {
					continue
				}
				if meta == nil {
					meta = readAll(t, filepath.Join(src, "meta.db"))
				}
				for trial := range 4 {
					img := bytes.Clone(before)
					img = append(img, make([]byte, max(0, len(after)-len(img)))...)
					for off := 0; off < len(after); off += os.Getpagesize() {
						page := after[off:min(len(after), off+os.Getpagesize())]
						// First the meta page alone, then random subsets.
						if isMeta := off < 2*os.Getpagesize(); trial < 3 && isMeta || trial > 0 && rng.IntN(2) == 0 {
							copy(img[off:], page)
						}
					}
					dir := t.TempDir()
					put(t, filepath.Join(dir, "meta.db"), meta)
					put(t, filepath.Join(dir, filepath.Base(path)), img)
					o, err := Open(dir, Options{NoSync: true})
					if err != nil {
						t.Fatalf("seed %d, commit %d, trial %d: %v", seed, i, trial, err)
					}
					got := len(drainAll(t, o, "l"))
					st := o.Stats()
					if got != confirmed && got != confirmed+n || st.BadSegments != 0 {
						t.Errorf("seed %d, commit %d, trial %d: %d records; %d were confirmed, %d in the commit; %d bad segments", seed, i, trial, got, confirmed, n, st.BadSegments)
					}
					if err := o.Close(); err != nil {
						t.Fatal(err)
					}
					os.RemoveAll(dir)
				}
			}
		})
	}
}

// seeded returns a random source and its seed; RELAY_SEED repeats one.
func seeded(t testing.TB) (*rand.Rand, uint64) {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("RELAY_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d (RELAY_SEED repeats it)", seed)
	return rand.New(rand.NewPCG(seed, 1)), seed
}

// exam reports whether long tests were requested.
func exam() bool { return os.Getenv("RELAY_EXAM") == "1" }

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
