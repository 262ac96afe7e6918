package local

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"relay/queue/local/directory"
)

// A temporary file left by a killed import is a stranger until the queue is opened again. A file
// that is being written is not.
func TestLeftoverTemporaryFilesAreStrangers(t *testing.T) {
	dir := t.TempDir()
	left := []string{"0000000000000001.seg.tmp", "import.0011223344556677.tmp"}
	for _, name := range append([]string{"import.8899aabbccddeeff.tmp"}, left...) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("ada@example.com"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range left {
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	all, err := directory.Strangers(dir, func(string) bool { return false })
	if err != nil || !slices.Equal(all, left) {
		t.Errorf("%q, %v", all, err)
	}
}
