package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if _, err := TakeLock(path, true); err == nil {
		t.Error("a shared lock created the file")
	}
	c := childCommand(t, "lock", path)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for _, shared := range []bool{false, true} {
		var held *HeldError
		if _, err := TakeLock(path, shared); !errors.As(err, &held) || held.PID != c.Process.Pid {
			t.Errorf("shared %v: %v; want it held by process %d", shared, err, c.Process.Pid)
		}
	}
	c.Process.Kill()
	c.Wait()

	first, err := TakeLock(path, true)
	if err != nil {
		t.Fatalf("after its owner died: %v", err)
	}
	second, err := TakeLock(path, true)
	if err != nil {
		t.Fatalf("shared by two: %v", err)
	}
	if _, err := TakeLock(path, false); !errors.As(err, new(*HeldError)) {
		t.Errorf("exclusive lock while shared: %v", err)
	}
	if err := errors.Join(first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	alone, err := TakeLock(path, false)
	if err != nil {
		t.Fatal(err)
	}
	alone.Close()
}

// A link in the lock's place is not followed: the file it leads to is not changed.
func TestLockFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, "lock")); err != nil {
		t.Skip("no links here")
	}
	if l, err := TakeLock(filepath.Join(dir, "lock"), false); err == nil {
		l.Sign()
		_ = l.Close()
		t.Error("TakeLock followed a link")
	}
	if b, _ := os.ReadFile(victim); string(b) != "kept" {
		t.Errorf("the file holds %q", b)
	}
}
