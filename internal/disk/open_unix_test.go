//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestOpen: opening returns at once, whatever is at the path, and no more is read than requested.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(at("pipe"), at("link")); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	huge, err := os.Create(at("huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(10<<30), huge.Close(), os.WriteFile(at("small"), []byte("text"), 0o600)); err != nil {
		t.Fatal(err)
	}
	within := func(what string, f func()) {
		t.Helper()
		done := make(chan struct{})
		go func() { defer close(done); f() }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: did not return", what)
		}
	}
	for path, says := range map[string]string{
		at("pipe"): "is a pipe", at("link"): "is a pipe", at("socket"): "is a socket", dir: "is a folder", "/dev/zero": "is a device", "/dev/tty": "is a device",
	} {
		within(path, func() {
			f, err := Open(path)
			var none *NoFileError
			if !errors.As(err, &none) || none.Path != path || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v %v", path, f, err)
			}
			if b, err := ReadFile(path, 10); !errors.As(err, &none) || b != nil {
				t.Errorf("%s: %q %v", path, b, err)
			}
		})
	}
	within("huge", func() {
		var large *TooLargeError
		if b, err := ReadFile(at("huge"), 1<<20); !errors.As(err, &large) || b != nil {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		if b, err := ReadFirst(at("huge"), 1<<20); err != nil || len(b) != 1<<20 || cap(b) > 2<<20 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	})
	for limit, want := range map[int64]bool{3: false, 4: true, 5: true} {
		if b, err := ReadFile(at("small"), limit); (err == nil) != want || want && string(b) != "text" {
			t.Errorf("limit %d: %q %v", limit, b, err)
		}
	}
	if _, err := Open(at("none")); !errors.Is(err, os.ErrNotExist) || !strings.HasPrefix(err.Error(), "open ") {
		t.Error(err)
	}
	if b, err := ReadFile(os.DevNull, 10); err != nil || len(b) > 0 {
		t.Errorf("the null device: %q %v", b, err)
	}
}

// TestOpenGiven: a pipe made by the shell's <(…) is read.
func TestOpenGiven(t *testing.T) {
	if _, err := os.Stat("/dev/fd"); err != nil {
		t.Skip("no /dev/fd here")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.WriteString(w, "text"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadFile(fmt.Sprint("/dev/fd/", r.Fd()), 10); err != nil || string(b) != "text" {
		t.Errorf("%q %v", b, err)
	}
}
