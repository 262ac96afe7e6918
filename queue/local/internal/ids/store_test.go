package ids

import (
	"crypto/sha256"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"relay/queue/local/internal/age"
)

const perTail = 96_000 // the queue's maximum

func open(tb testing.TB, keep int64, noSync bool) *Store {
	tb.Helper()
	s, err := Open(nil, Options{Dir: tb.TempDir(), Window: 24 * time.Hour, Keep: keep, NoSync: noSync})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// fill adds n ids the way a busy queue does.
func fill(tb testing.TB, s *Store, n int) {
	tb.Helper()
	num := uint64(0)
	for i := 0; i < n; {
		num++
		tail := s.Begin(num)
		ids := make([]Known, 0, perTail)
		for ; len(ids) < perTail && i < n; i++ {
			ids = append(ids, Known{numbered(i), uint64(i)})
		}
		s.Add(tail, ids, age.Stamp{})
		if i < n {
			if err := s.WriteTail(tail); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

func numbered(i int) Hash {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	h := Hash(sum[:16])
	h[15] &^= 1
	return h
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A million ids take little memory.
func TestIDMemory(t *testing.T) {
	before := heap()
	s := open(t, 1_000_000, true)
	defer s.Close()
	fill(t, s, 1_000_000)
	if n, _ := s.Count(); n != 1_000_000 {
		t.Fatalf("%d ids", n)
	}
	if grown := heap() - before; grown > 6<<20 {
		t.Errorf("a million ids take %d KiB of memory", grown>>10)
	}
	for i := 0; i < 1_000_000; i += 997 {
		if id, ok, err := s.Get(numbered(i)); !ok || id.Fingerprint != uint64(i) || err != nil {
			t.Fatalf("id %d: %+v %v %v", i, id, ok, err)
		}
		if _, ok, err := s.Get(numbered(1_000_000 + i)); ok || err != nil {
			t.Fatalf("id %d, which was never stored: %v %v", 1_000_000+i, ok, err)
		}
	}
	runtime.KeepAlive(s)
}

// BenchmarkIDs looks up ids among a million, of which all but the newest are in files.
func BenchmarkIDs(b *testing.B) {
	const n = 1_000_000
	before := heap()
	s := open(b, n, false)
	defer s.Close()
	fill(b, s, n)
	grown := float64(heap()-before) / (1 << 20)
	for _, c := range []struct {
		name string
		from int
	}{{"new", n}, {"repeated", 0}} {
		b.Run(c.name, func(b *testing.B) {
			hs := make([]Hash, 1<<16)
			for i := range hs {
				hs[i] = numbered(c.from + i*13%n)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok, err := s.Get(hs[i%len(hs)]); ok != (c.from == 0) || err != nil {
					b.Fatal(ok, err)
				}
			}
			b.ReportMetric(grown, "heap-MiB")
			b.ReportMetric(float64(len(s.files)), "files")
		})
	}
}
