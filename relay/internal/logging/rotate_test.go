package logging

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRotatingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.log")
	r, err := OpenRotating(path, 100, 2, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if _, err := fmt.Fprintf(r, "line %02d ------------\n", i); err != nil { // 21 bytes
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	for name, want := range map[string]string{path: "line 28", path + ".1": "line 24", path + ".2": "line 20"} {
		text := readLog(t, name)
		if !strings.HasPrefix(text, want) || len(text) > 100 || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: %q, want it to begin with %q", filepath.Base(name), text, want)
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("a third old file was kept")
	}
	// It goes on where it ended.
	if r, err = OpenRotating(path, 100, 2, 0o640); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fmt.Fprintln(r, "again")
	if text := readLog(t, path); !strings.HasPrefix(text, "line 28") || !strings.HasSuffix(text, "again\n") {
		t.Errorf("after a restart: %q", text)
	}
}

func readLog(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
