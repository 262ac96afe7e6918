package segment

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/files"
)

// File is one segment. The methods of a tail (OpenTail, Put, Sync, OnDisk, Growth) are
// called by the writer only.
type File struct {
	Num  uint64
	Path string

	// Checked is set once this process has written the file or read all of it.
	Checked atomic.Bool

	size         int64 // of a tail: it is sealed at this size
	used, filled int64 // of a tail: bytes of pages, and bytes allocated ahead (fill.go)

	mu      sync.RWMutex // held for reading while db is used
	db      *boltdb.File
	lastUse atomic.Int64
}

// First returns the sequence number of the segment's first record.
func (s *File) First() queue.Seq { return queue.Seq(s.Num) << 32 }

// tailOptions are the options of a file that only grows, and that is opened for writing
// a second time only to be sealed. The caller syncs it (Queue.commit).
func tailOptions(mmap int64) *bolt.Options {
	o := boltdb.WriteOptions(true)
	if runtime.GOOS != "windows" { // on Windows the file would grow to the size of the map
		o.InitialMmapSize = int(mmap)
	}
	return o
}

// OpenTail opens the file for writing. It is to be sealed at size bytes.
func (s *File) OpenTail(size int64) error {
	db, err := boltdb.Open(s.Path, tailOptions(size+size/4))
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	s.Checked.Store(true)
	db.AllocSize = int(min(size, 16<<20)) // the file grows, and is synced for it, once per this many bytes
	s.db, s.size = db, size
	return nil
}

// Put stores chunks in one transaction; they are durable after Sync. With ahead it
// first allocates space for them (fill). It returns the used size of the file in bytes.
func (s *File) Put(chunks []Chunk, ahead bool) (used int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return 0, fmt.Errorf("write segment: %w", queue.ErrUnavailable)
	}
	if ahead {
		n := int64(0)
		for _, c := range chunks {
			n += int64(len(c.Data))
		}
		if err := s.fill(n); err != nil {
			return 0, err
		}
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		err := putChunks(tx, chunks)
		used = tx.Size()
		return err
	})
	if err == nil {
		s.used = used
	}
	return used, err
}

// Sync syncs the file: all chunks put so far survive a power cut.
func (s *File) Sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return queue.ErrUnavailable
	}
	return s.db.Sync()
}

// Seal stores the summary in a segment that was verified, and closes the file.
func (s *File) Seal(sum *Summary, noSync bool) error {
	b, err := sum.encode()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	used := int64(0)
	err = boltdb.Guard(func() error {
		if s.db != nil && s.db.IsReadOnly() {
			boltdb.Close(&s.db)
		}
		if s.db == nil {
			db, err := boltdb.Open(s.Path, tailOptions(0))
			if err != nil {
				return err
			}
			s.db = db
		}
		if err := s.db.Update(func(tx *bolt.Tx) error {
			used = tx.Size()
			return tx.Bucket(bucketInfo).Put(keySummary, b)
		}); err != nil {
			return err
		}
		used, err = s.db.Size()
		if err != nil || noSync {
			return err
		}
		return s.db.Sync()
	})
	boltdb.Close(&s.db)
	if err != nil {
		return fmt.Errorf("seal segment: %w", err)
	}
	// Behind the last page there is only preallocated space.
	if fi, err := os.Stat(s.Path); err == nil && fi.Size() > used {
		if err := files.Truncate(s.Path, used); err != nil {
			return fmt.Errorf("seal segment: %w", err)
		}
	}
	return nil
}

// Close closes a file that is not in a Pool.
func (s *File) Close() {
	s.mu.Lock()
	boltdb.Close(&s.db)
	s.mu.Unlock()
}
