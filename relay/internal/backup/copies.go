package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Copies manages the temporary copies of the queue that backups are made from. They are
// below the queue directory, with the same permissions. At most one exists at a time.
type Copies struct {
	Dir string // "": the system's temporary directory, in tests

	mu    sync.Mutex
	stop  func()        // cancels the current copy; nil: there is none
	ended chan struct{} // closed when the current copy is removed
	held  int           // calls of End without Resume
}

// CopiesDir returns the directory of the temporary copies of a queue in dir.
func CopiesDir(dir string) string { return filepath.Join(dir, "copies") }

// copyPrefix is the prefix of the directories of copies.
const copyPrefix = "relay-backup-"

// CleanCopies removes copies left by a crash, and nothing else. The caller holds the
// queue's lock.
func CleanCopies(dir string) error {
	dir = CopiesDir(dir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), copyPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	if err != nil {
		return fmt.Errorf("remove temporary copies: %w", err)
	}
	_ = os.Remove(dir) // fails if it contains something else
	return nil
}

// Errors of Begin.
var (
	ErrBusy       = errors.New("another backup is running: try again when it has finished")
	ErrForgetting = errors.New("a forget is running: try again when it has finished")
)

// Begin makes the directory for a copy. stop must cancel the backup. The caller calls done
// when it no longer needs the directory.
func (c *Copies) Begin(stop func()) (dir string, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.stop != nil:
		return "", nil, ErrBusy
	case c.held > 0:
		return "", nil, ErrForgetting
	}
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return "", nil, fmt.Errorf("make backup directory: %w", err)
		}
	}
	if dir, err = os.MkdirTemp(c.Dir, copyPrefix); err != nil {
		return "", nil, fmt.Errorf("make backup directory: %w", err)
	}
	ended := make(chan struct{})
	c.stop, c.ended = stop, ended
	return dir, func() {
		_ = os.RemoveAll(dir)
		if c.Dir != "" {
			_ = os.Remove(c.Dir) // fails if it contains something else
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stop = nil
		close(ended)
	}, nil
}

// End cancels the current copy, waits until it is removed, and refuses new ones until
// Resume. It returns the number of copies it ended.
func (c *Copies) End() int {
	c.mu.Lock()
	c.held++
	stop, ended := c.stop, c.ended
	c.mu.Unlock()
	if stop == nil {
		return 0
	}
	stop()
	<-ended
	return 1
}

// Resume allows copies again.
func (c *Copies) Resume() {
	c.mu.Lock()
	c.held--
	c.mu.Unlock()
}

// Now returns the number of copies.
func (c *Copies) Now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		return 0
	}
	return 1
}
