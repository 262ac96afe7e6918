//go:build unix

package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// While the directory is moved away appends are refused.
func TestDirectoryMovedAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "queue")
	q, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	if _, err := q.Append(t.Context(), []Entry{{ID: "a", Lanes: []string{"1"}, Body: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dir, dir+".moved"); err != nil {
		t.Fatal(err)
	}
	until(t, "intake is shut", func() bool { return q.CanAppend() != nil })
	if _, err := q.Append(t.Context(), []Entry{{ID: "b", Lanes: []string{"1"}, Body: []byte("{}")}}); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if err := os.Rename(dir+".moved", dir); err != nil {
		t.Fatal(err)
	}
	until(t, "intake is open again", func() bool { return q.CanAppend() == nil })
}
