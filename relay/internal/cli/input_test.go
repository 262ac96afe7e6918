package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Standard input can be read twice, and its copy is gone afterwards.
func TestOpenFileCopiesStdin(t *testing.T) {
	at := filepath.Join(t.TempDir(), "copy")
	f, err := OpenFile("-", strings.NewReader("a,b\n1,2\n"), func() string { return at })
	if err != nil {
		t.Fatal(err)
	}
	if f.Label != "stdin" {
		t.Errorf("label %q", f.Label)
	}
	for range 2 {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "a,b\n1,2\n" {
			t.Errorf("%q, %v", b, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is still there: %v", err)
	}
}

// A regular file is read in place and kept; a directory is refused with the way to import one.
func TestOpenFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sales.csv")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	never := func() string { t.Error("a regular file is copied"); return "" }
	f, err := OpenFile(path, nil, never)
	if err != nil || f.Label != path {
		t.Fatalf("%+v, %v", f, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	if _, err := OpenFile(dir, nil, never); err == nil || !strings.Contains(err.Error(), "spool.dir") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := OpenFile(filepath.Join(dir, "none"), nil, never); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
