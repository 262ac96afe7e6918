package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/chunk"
)

const (
	formatVersion = 2
	pieceSize     = 1980 // two to a page: bbolt rewrites whole pages
	smallPiece    = 480
	segSuffix     = ".seg"
	badSuffix     = ".bad"
	tmpSuffix     = ".tmp"
	maxOpenSealed = 8 // files kept open for readers
)

var (
	bucketInfo = []byte("relay") // "segment": segInfo; "summary": once sealed
	bucketLog  = []byte("log")   // chunks, in pieces: sequence u64 · piece u16, big-endian
	keySegment = []byte("segment")
	keySummary = []byte("summary")
)

// segInfo says what a segment file is. It can be read without the key.
type segInfo struct {
	Format  int       `json:"format"`
	Segment uint64    `json:"segment"`
	Created time.Time `json:"created"`
	Sum     uint32    `json:"sum"`    // formatSum
	Secret  []byte    `json:"secret"` // of the id hashes, sealed when there is a key
}

// segment is one file of the log.
type segment struct {
	num  uint64
	path string

	// Under Queue.mu.
	ready   chan struct{} // closed once it may be read; replaced while it is repaired
	failed  error         // it cannot be read at all (a key that is missing)
	sum     summary
	disk    int64 // bytes on disk
	tail    bool
	doubt   bool      // of a tail: its newest commit may be in it, or not
	sealed  bool      // its summary is stored in it
	repairs int       // how often it was
	unread  time.Time // when the disk first did not give some of it; zero: it does
	gone    bool      // unlinked or about to be
	filing  bool      // rotated out, and nobody has tried yet to file its ids: it may not go
	key     uint32    // all of it is known to be sealed with; 0: not looked at

	checked atomic.Bool // this process wrote the file, or has read all of it

	end atomic.Uint32 // index behind the last record that is confirmed

	installed atomic.Uint32 // how often install has run: a reader who met damage sees that another dealt with it

	size         int64 // of a tail: at which it is sealed
	used, filled int64 // of a tail: bytes of pages, and bytes that were written ahead (fill.go)

	mu      sync.RWMutex // held for reading while db is used
	db      *boltFile
	lastUse atomic.Int64
}

func segPath(dir string, num uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", num, segSuffix))
}

// segNum reads the number off a file name that starts with one.
func segNum(name string) (uint64, bool) {
	hex, _, ok := strings.Cut(name, ".")
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil && n > 0 && n < 1<<32
}

func (s *segment) first() Seq { return Seq(s.num) << 32 }

func pieceKey(seq Seq, piece int) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 10), uint64(seq))
	return binary.BigEndian.AppendUint16(b, uint16(piece))
}

func splitKey(k []byte) (Seq, int, bool) {
	if len(k) != 10 {
		return 0, 0, false
	}
	return Seq(binary.BigEndian.Uint64(k)), int(binary.BigEndian.Uint16(k[8:])), true
}

// makeSegmentFile makes an empty segment under a temporary name and moves it
// into its place once it is whole on disk.
func makeSegmentFile(dir string, num uint64, now time.Time, secret []byte, noSync bool) error {
	return placeFile(segPath(dir, num), noSync, func(tmp string) error {
		return makeSegmentAt(tmp, num, now, secret, noSync)
	})
}

// makeSegmentAt makes an empty segment file at path.
func makeSegmentAt(path string, num uint64, now time.Time, secret []byte, noSync bool) error {
	info, err := json.Marshal(segInfo{Format: formatVersion, Sum: formatSum(formatVersion), Segment: num, Created: now.UTC(), Secret: secret})
	if err != nil {
		return fmt.Errorf("encode segment header: %w", err)
	}
	return fillBolt(path, noSync, func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucketInfo)
		if err != nil {
			return err
		}
		if err := b.Put(keySegment, info); err != nil {
			return err
		}
		_, err = tx.CreateBucketIfNotExists(bucketLog)
		return err
	})
}

// fillBolt makes a bbolt file and syncs it.
func fillBolt(path string, noSync bool, fill func(*bolt.Tx) error) error {
	db, err := openBolt(path, 0o600, tailOptions(0))
	if err != nil {
		return err
	}
	err = db.Update(fill)
	if err == nil && !noSync {
		err = db.Sync()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	return err
}

// tailOptions: the free list is not written (a tail only grows, and is never
// opened for writing again but to be sealed); syncing is ours (see Queue.commit).
func tailOptions(mmap int64) *bolt.Options {
	o := &bolt.Options{NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoSync: true, NoStatistics: true, Timeout: time.Second}
	if runtime.GOOS != "windows" { // there the file would grow to the whole of it
		o.InitialMmapSize = int(mmap)
	}
	return o
}

// openTail opens the file for writing.
func (s *segment) openTail(size int64) error {
	db, err := openBolt(s.path, 0o600, tailOptions(size+size/4))
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	s.checked.Store(true)
	db.AllocSize = int(min(size, 16<<20)) // one growth, and one sync for it, per so much
	s.db, s.size = db, size
	return nil
}

// put stores chunks in one transaction. It is not on disk before sync.
func (s *segment) put(chunks []packed, ahead bool) (used int64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return 0, fmt.Errorf("write segment: %w", ErrUnavailable)
	}
	if ahead {
		n := int64(0)
		for _, c := range chunks {
			n += int64(len(c.data))
		}
		if err := s.fill(n); err != nil {
			return 0, err
		}
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketLog)
		b.FillPercent = 1
		for _, c := range chunks {
			if err := putPieces(b, c.h.First, c.data); err != nil {
				return err
			}
		}
		used = tx.Size()
		return nil
	})
	if err == nil {
		s.used = used
	}
	return used, err
}

// packed is an encoded chunk.
type packed struct {
	h    chunk.Header
	data []byte
}

// putPieces stores an encoded chunk. One that is small, a commit of one or two
// events, goes in small pieces: bbolt leaves a page half empty when fewer than
// four of its values fit.
func putPieces(b *bolt.Bucket, first Seq, data []byte) error {
	size := pieceSize
	if len(data) < pieceSize {
		size = smallPiece
	}
	for i := 0; len(data) > 0; i++ {
		n := min(len(data), size)
		if i > 0xffff {
			return fmt.Errorf("chunk of %d bytes: %w", len(data), ErrInvalid)
		}
		if err := b.Put(pieceKey(first, i), data[:n:n]); err != nil {
			return fmt.Errorf("put chunk: %w", err)
		}
		data = data[n:]
	}
	return nil
}

func (s *segment) sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return ErrUnavailable
	}
	return s.db.Sync()
}

// view runs fn on the log of the segment, opening its file when it is closed.
func (q *Queue) view(s *segment, fn func(b *bolt.Bucket) error) error {
	for {
		s.mu.RLock()
		if s.db != nil {
			break
		}
		s.mu.RUnlock()
		if err := q.openSealed(s); err != nil {
			return err
		}
	}
	defer s.mu.RUnlock()
	s.lastUse.Store(q.ticks.Add(1))
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketLog)
		if b == nil {
			return damaged("segment without log")
		}
		return fn(b)
	})
}

// openSealed opens a sealed segment for reading, and closes the one that was
// not used for longest when many are open.
func (q *Queue) openSealed(s *segment) error {
	q.handles.Lock()
	defer q.handles.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return nil
	}
	if err := q.check(s); err != nil {
		return err
	}
	db, err := openBolt(s.path, 0o600, &bolt.Options{ReadOnly: true, NoStatistics: true, Timeout: time.Second})
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return q.vanished(s)
		}
		if slices.ContainsFunc(outOfMeans, func(e syscall.Errno) bool { return errors.Is(err, e) }) {
			return fmt.Errorf("open segment: %w", err)
		}
		return damaged("open segment: %v", err)
	}
	s.db = db
	s.lastUse.Store(q.ticks.Add(1))
	q.openSegs = append(q.openSegs, s)
	for len(q.openSegs) > maxOpenSealed {
		oldest := 0
		for i, o := range q.openSegs {
			if o != s && (q.openSegs[oldest] == s || o.lastUse.Load() < q.openSegs[oldest].lastUse.Load()) {
				oldest = i
			}
		}
		o := q.openSegs[oldest]
		if !o.mu.TryLock() {
			break // being read; next time
		}
		closeDB(&o.db)
		o.mu.Unlock()
		q.openSegs = append(q.openSegs[:oldest], q.openSegs[oldest+1:]...)
	}
	return nil
}

// outOfMeans are errors of opening a file that say nothing about the file.
var outOfMeans = []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR}

// check reads all of a sealed segment before bbolt does for the first time, and
// makes sure that it holds what its summary says, chunk for chunk: a damaged page
// could make bbolt pass over chunks, or never return.
func (q *Queue) check(s *segment) error {
	if s.checked.Load() {
		return nil
	}
	q.mu.Lock()
	want, sealed := s.sum.clone(), s.sealed
	q.mu.Unlock()
	var sum summary
	err := withPages(s.path, func(p *boltscan.File) error {
		return verify(p, p.Metas()[0], s.num, func(h *chunk.Header, _ []byte) error { sum.add(h); return nil })
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		return q.vanished(s)
	case unreadable(err):
		return damaged("cannot be read: %v", err)
	case err != nil:
		return fmt.Errorf("check segment: %w", err)
	case sealed && !sum.same(&want):
		return damaged("segment holds %d records in %d chunks, not %d in %d as its summary says", sum.Records, sum.Chunks, want.Records, want.Chunks)
	}
	q.mu.Lock()
	s.sum.gaps = sum.gaps
	q.mu.Unlock()
	s.checked.Store(true)
	return nil
}

// vanished says why the file of s is not there: errGone, or someone else took it.
func (q *Queue) vanished(s *segment) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if s.gone {
		return fmt.Errorf("open segment: %w", errGone)
	}
	return damaged("the file is missing")
}

// errGone: the segment was unlinked under the reader, who shall look again.
var errGone = errors.New("segment is gone")

// shut closes the segment's file; a reader opens it again.
func (q *Queue) shut(s *segment) {
	q.handles.Lock()
	defer q.handles.Unlock()
	s.mu.Lock()
	closeDB(&s.db)
	s.mu.Unlock()
	for i, o := range q.openSegs {
		if o == s {
			q.openSegs = append(q.openSegs[:i], q.openSegs[i+1:]...)
			break
		}
	}
}
