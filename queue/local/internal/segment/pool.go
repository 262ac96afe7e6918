package segment

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/queue/internal/format"
	"relay/queue/local/internal/boltdb"
)

const maxOpen = 8 // files kept open for readers

// Pool keeps a few segment files open for readers.
type Pool struct {
	mu    sync.Mutex // guards files; held while a file is opened
	files []*File
	ticks atomic.Int64
}

// acquire returns with the file of s open and s.mu read-locked; the caller unlocks it.
// It calls check before it opens a file that was not checked yet.
func (p *Pool) acquire(s *File, check func() error) error {
	for {
		s.mu.RLock()
		if s.db != nil {
			s.lastUse.Store(p.ticks.Add(1))
			return nil
		}
		s.mu.RUnlock()
		if err := p.open(s, check); err != nil {
			return err
		}
	}
}

// open opens a sealed segment for reading, and closes the least recently used one if
// too many are open.
func (p *Pool) open(s *File, check func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return nil
	}
	if !s.Checked.Load() {
		if err := check(); err != nil {
			return err
		}
	}
	db, err := boltdb.Open(s.Path, &bolt.Options{ReadOnly: true, NoStatistics: true, Timeout: time.Second})
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("open segment: %w", ErrGone)
		}
		if slices.ContainsFunc(outOfResources, func(e syscall.Errno) bool { return errors.Is(err, e) }) {
			return fmt.Errorf("open segment: %w", err)
		}
		return format.Damaged("open segment: %v", err)
	}
	s.db = db
	s.lastUse.Store(p.ticks.Add(1))
	p.files = append(p.files, s)
	for len(p.files) > maxOpen {
		oldest := 0
		for i, o := range p.files {
			if o != s && (p.files[oldest] == s || o.lastUse.Load() < p.files[oldest].lastUse.Load()) {
				oldest = i
			}
		}
		o := p.files[oldest]
		if !o.mu.TryLock() {
			break // it is being read; the next open closes it
		}
		boltdb.Close(&o.db)
		o.mu.Unlock()
		p.files = append(p.files[:oldest], p.files[oldest+1:]...)
	}
	return nil
}

// outOfResources are errors of opening a file that are not the fault of the file.
var outOfResources = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR}

// Shut closes the segment's file. The next reader opens it again.
func (p *Pool) Shut(s *File) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.mu.Lock()
	boltdb.Close(&s.db)
	s.mu.Unlock()
	for i, o := range p.files {
		if o == s {
			p.files = append(p.files[:i], p.files[i+1:]...)
			break
		}
	}
}

// ErrGone means that the segment was unlinked while it was being read: the reader looks
// up the record again.
var ErrGone = errors.New("segment is gone")
