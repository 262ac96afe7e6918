package logging

import (
	"fmt"
	"io/fs"
	"os"
	"sync"

	"relay/internal/disk"
)

// Rotating is a log file that starts over at a size and keeps the previous files as name.1,
// name.2 …, for systems without log rotation.
type Rotating struct {
	path string
	most int64 // bytes of one file
	keep int   // old files
	mode fs.FileMode

	mu   sync.Mutex
	f    *os.File
	size int64
}

// OpenRotating opens the log at path for appending, or creates it.
func OpenRotating(path string, most int64, keep int, mode fs.FileMode) (*Rotating, error) {
	r := &Rotating{path: path, most: most, keep: keep, mode: mode}
	if err := r.open(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Rotating) open() error {
	f, err := disk.OpenOwn(r.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, r.mode)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("open log: %w", err)
	}
	r.f, r.size = f, info.Size()
	return nil
}

// Write writes a line. If the files cannot be rotated, it appends to the old file: a log that
// is too long is better than none.
func (r *Rotating) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > 0 && r.size+int64(len(p)) > r.most {
		r.rotate()
	}
	if r.f == nil {
		if err := r.open(); err != nil {
			return 0, err
		}
	}
	n, err := r.f.Write(p)
	r.size += int64(n)
	return n, err
}

func (r *Rotating) rotate() {
	_ = r.f.Close() // Windows does not rename open files
	r.f = nil
	for i := r.keep; i > 0; i-- {
		from := r.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", r.path, i-1)
		}
		to := fmt.Sprintf("%s.%d", r.path, i)
		_ = os.Remove(to)
		_ = os.Rename(from, to)
	}
}

// Close closes the file. It can be called twice; a later Write opens the file again.
func (r *Rotating) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.f == nil {
		return nil
	}
	err := r.f.Close()
	r.f = nil
	return err
}
