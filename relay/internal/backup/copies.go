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

// Copies are the temporary copies of the queue that backups are made of: below the
// queue's own directory, with its rights. They hold what the queue held when they
// were made.
type Copies struct {
	Dir string // "" : the system's directory for temporary files, in tests

	mu    sync.Mutex
	stop  func()        // ends the one that is being made; nil: none is
	ended chan struct{} // closed when it is gone
	held  int           // how many forbid them
}

// CopiesDir is the directory of the temporary copies of a queue in dir.
func CopiesDir(dir string) string { return filepath.Join(dir, "copies") }

// copyPrefix begins the name of a copy.
const copyPrefix = "relay-backup-"

// CleanCopies removes what a crash has left of them, and nothing else that lies there.
// The caller holds the queue's lock.
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
	_ = os.Remove(dir) // when nothing else lies in it
	return nil
}

// Why no backup can be begun now.
var (
	ErrBusy       = errors.New("another backup is running: try again when it is done")
	ErrForgetting = errors.New("a person is being forgotten: try again when that is done")
)

// Begin makes the directory of a copy, which stop ends early. The caller calls done when
// it is of no more use.
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
			_ = os.Remove(c.Dir) // when nothing else lies in it
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stop = nil
		close(ended)
	}, nil
}

// End ends the copy under way, waits until it is gone, and forbids others until resume.
// It says how many there were.
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

// Now is how many there are.
func (c *Copies) Now() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop == nil {
		return 0
	}
	return 1
}
