package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Lock is a lock held by this process. The system releases it when the process dies.
type Lock struct{ f *os.File }

// HeldError means that another process holds the lock.
type HeldError struct {
	Path string
	PID  int // 0 if unknown
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is held by another process", e.Path)
	}
	return fmt.Sprintf("%s is held by process %d", e.Path, e.PID)
}

var errHeld = errors.New("lock is held")

// TakeLock locks the file path, which it creates if necessary, for this process only. With shared,
// several processes can hold the lock together, and the file must exist. It does not wait: if
// another process holds the lock it returns *HeldError. It follows no link and accepts no hard
// link, because the file they lead to would be written (*PlantedError).
func TakeLock(path string, shared bool) (*Lock, error) {
	flags := os.O_RDWR | os.O_CREATE
	if shared {
		flags = os.O_RDONLY
	}
	f, err := OpenOwn(path, flags, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err = lockFile(f, shared); err == nil {
		return &Lock{f}, nil
	}
	defer f.Close()
	if !errors.Is(err, errHeld) {
		return nil, fmt.Errorf("take lock: %w", err)
	}
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return nil, &HeldError{Path: path, PID: pid}
}

// Sign writes the id of this process into the lock file, for other processes' HeldError. Errors are
// ignored: on a full volume only the lock itself matters. The lock must not be shared.
func (l *Lock) Sign() {
	if l.f.Truncate(0) == nil {
		_, _ = l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// InPlace reports whether the lock's file is still at its path: false if the file or its directory
// was removed or moved. If that cannot be determined, it returns true.
func (l *Lock) InPlace() bool {
	is, err := os.Stat(l.f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	held, failed := l.f.Stat()
	return err != nil || failed != nil || os.SameFile(is, held)
}

// Close releases the lock and keeps the file. It unlocks explicitly, because closing is not enough:
// a child process being started at that moment has a copy of every open file, and so of the lock,
// until its program runs.
func (l *Lock) Close() error { return errors.Join(unlockFile(l.f), l.f.Close()) }
