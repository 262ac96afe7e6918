package local

import (
	"os"
	"path/filepath"
	"testing"
)

// killed returns a directory as left by kill -9: n records in a tail that was not sealed.
func killed(b *testing.B, n int) string {
	b.Helper()
	pool := poolOnce()
	live, dir := b.TempDir(), b.TempDir()
	q := openTest(b, live, Options{NoSync: true})
	lanes := []string{"701000000000001"}
	for i := 0; i < n; i += 100 {
		es := make([]Entry, 100)
		for j := range es {
			es[j] = pool.entry(nil, 1, i+j, lanes)
		}
		mustAppend(b, q, es...)
	}
	if err := os.CopyFS(dir, os.DirFS(live)); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpenAfterKill measures the time from Open to the first append, which must know the
// ids of all confirmed records.
func BenchmarkOpenAfterKill(b *testing.B) {
	dir := killed(b, 150_000)
	for b.Loop() {
		b.StopTimer()
		again := filepath.Join(b.TempDir(), "q")
		if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		q, err := Open(again, Options{})
		if err != nil {
			b.Fatal(err)
		}
		mustAppend(b, q, entry("m-1", "a"))
		b.StopTimer()
		if err := q.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
