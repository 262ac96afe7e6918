package spool

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A sparse or huge file is refused by its size, without being read. Small files are stored before
// an older large one.
func TestDirectoryGiant(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	var order []int64
	d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: &memory{}, Quiet: -1, Keep: -1, Stored: func(r Report) { order = append(order, r.Rows) }})
	sparse := func(name, begins string, size int64) {
		drop(t, dir, name, begins)
		old := time.Now().Add(-time.Hour)
		if err := errors.Join(os.Truncate(filepath.Join(dir, name), size), os.Chtimes(filepath.Join(dir, name), old, old)); err != nil {
			t.Fatal(err)
		}
	}
	sparse("giant.csv", "event,timestamp\nE,2026-01-31T09:00:00Z\n", 300<<30)
	sparse("zeros.jsonl", "", 80<<20)
	drop(t, dir, "small.jsonl", sales(0, 3))
	begun := time.Now()
	d.scan(t.Context())
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("the scan took %v", took)
	}
	if len(order) != 3 || order[0] != 3 {
		t.Errorf("the small file was not first: %v", order)
	}
	var said string
	reports, _ := filepath.Glob(filepath.Join(dir, refusedDir, "*.*.????????????????.jsonl"))
	for _, r := range reports {
		b, _ := os.ReadFile(r)
		said += string(b)
	}
	for _, want := range []string{"the file is too large", "the file is not text: it contains NUL bytes"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in the reports: %s", want, said)
		}
	}
}
