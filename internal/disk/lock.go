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

// Lock is a lock that this process holds. The system releases it when the
// process dies.
type Lock struct{ f *os.File }

// HeldError says that another process holds the lock.
type HeldError struct {
	Path string
	PID  int // 0 when it did not say
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is held by another process", e.Path)
	}
	return fmt.Sprintf("%s is held by process %d", e.Path, e.PID)
}

var errHeld = errors.New("lock is held")

// TakeLock takes the lock of the file path, which is made when there is none,
// for this process alone. With shared, several processes have it together, none
// alone, and the file must be there. It does not wait: *HeldError. A link in the place
// of the file is not followed, and a hard link not taken: what it leads to would be
// written (*PlantedError).
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

// Sign writes the id of this process into the lock, for the HeldError of others.
// Best effort: on a full volume the lock itself is what counts. The lock is not
// shared.
func (l *Lock) Sign() {
	if l.f.Truncate(0) == nil {
		_, _ = l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

// InPlace says whether the file of the lock is still the one at its path: false when it,
// or the directory it lies in, was removed or moved away. An error is no answer: true.
func (l *Lock) InPlace() bool {
	is, err := os.Stat(l.f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	held, failed := l.f.Stat()
	return err != nil || failed != nil || os.SameFile(is, held)
}

// Close releases the lock. The file stays. The lock is released in words, not only by
// closing: a process that is being started at that moment holds a copy of every open
// file until its program runs, and with it the lock.
func (l *Lock) Close() error { return errors.Join(unlockFile(l.f), l.f.Close()) }
