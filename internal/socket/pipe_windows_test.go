package socket

import (
	"io"
	"path/filepath"
	"testing"
)

// A pipe accepts its own user, and a second pipe with the same name is refused.
func TestPipe(t *testing.T) {
	dir := t.TempDir()
	path := Paths(dir, "admin.sock")[0]
	if pipeName(path) == pipeName(filepath.Join(dir, "other")) {
		t.Fatal("two paths have the same pipe")
	}
	l, err := ListenControl(path, dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if second, err := ListenControl(path, dir, ""); err == nil {
		second.Close()
		t.Error("the pipe was created twice")
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			io.WriteString(c, "hello")
			c.Close()
		}
	}()
	c, err := DialControl(t.Context(), path, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, _ := io.ReadAll(c); string(b) != "hello" {
		t.Errorf("got %q", b)
	}
}
