package spool

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Names that relay chose are shown unchanged; others are masked, with what identifies the file.
func TestUnreachedFilesCanBeFound(t *testing.T) {
	dir := t.TempDir()
	var all fileList
	for _, name := range []string{"d7cc002e55c5c9a3.sealed", "renamed-ABCDEFGHIJ.csv", "plain.csv.gz", "badrows.csv", "lovelace.csv"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("seven"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
		fi, err := os.Lstat(file)
		if err != nil {
			t.Fatal(err)
		}
		all.add(refusedDir+"/"+name, fs.FileInfoToDirEntry(fi))
	}
	want := "refused/d7cc002e55c5c9a3.sealed, refused/renamed-ABCDEFGHIJ.csv, refused/plain.csv.gz, refused/badrows.csv, refused/aaaaaaaa.aaa (5 bytes, of 2026-11-20T10:00:00Z)"
	if got := all.shown(); got != want {
		t.Errorf("shown as %s, want %s", got, want)
	}
}

// rsync writes .sales.csv.AbC123, an editor .sales.csv: relay never takes them, and Forget names
// them.
func TestForgetNamesHiddenFiles(t *testing.T) {
	dir := t.TempDir()
	d := newDirectory(t, DirectoryOptions{Dir: dir, Queue: &memory{}, Quiet: 10 * time.Millisecond})
	for _, name := range []string{".sales.csv", ".sales.csv.AbC123"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("email\nada@example.com\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := d.Forget(t.Context(), whoIs(t, "ada@example.com"), false)
	if got := strings.Join(n.Unreached, "\n"); err != nil || !strings.Contains(got, "2 files, links and folders") || !strings.Contains(got, ".sales.csv") {
		t.Errorf("%q, %v", got, err)
	}
}
