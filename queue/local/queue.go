package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/calls"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// Queue is an open queue directory. Its methods can be called from any goroutine.
type Queue struct {
	dir      string
	o        Options
	readOnly bool
	lock     *disk.Lock
	ring     *seal.Ring
	zstd     *chunk.Codec
	secret   [32]byte
	began    Seq // first sequence number after Open

	meta  *meta.Store
	ids   *ids.Store
	dead  *deadLog
	pool  segment.Pool // open segment files
	cache chunk.Cache

	// Each has its own lock and takes no other, so it can be used with any lock held.
	in       intake
	tasks    tasks
	counters counters
	health   health
	space    space
	ages     ages

	index
	locks
	writer *writer
	calls  *calls.Set // callers' waits for the disk, bounded

	stop   chan struct{}
	owned  sync.WaitGroup // the writer and the background goroutine
	closer sync.Once
	cerr   error
}

// locks are held while waiting for the disk. They are taken in this order, and index.mu
// last.
type locks struct {
	// moving is read-locked while records are moved or letters redriven, and locked by
	// Forget.
	moving   sync.RWMutex
	dropping sync.Mutex // held while the oldest records are dropped
	// repairing is held while a segment is sealed, repaired or rewritten.
	repairing sync.Mutex
	// recounting is held while lanes are counted, since a later count must see what an
	// earlier one missed, and while drained segments are unlinked (removeSettled), since
	// a count must not lose the segments it reads.
	recounting sync.Mutex
	noting     sync.Mutex // held while record counts of segments are stored or removed (sealed.go)
	updating   sync.Mutex // held by UpdateNote
}

func (o Options) withDefaults() Options {
	def := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	defT := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.SegmentSize, 64<<20)
	def(&o.DedupIDs, 1_000_000)
	def(&o.DeadMaxSize, 256<<20)
	def(&o.MaxWaiting, 32<<20)
	defT(&o.DedupWindow, 24*time.Hour)
	defT(&o.AppendTimeout, 10*time.Second)
	defT(&o.IOTimeout, 30*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Clock == nil {
		o.Clock = func() (time.Time, bool) { return o.Now(), false }
	}
	o.SegmentSize = min(max(o.SegmentSize, 64<<10), 1<<30)
	return o
}

// Open opens the queue in dir, creating it if necessary. When it returns, appends are
// possible; the segments of the previous run are opened in the background. A caller can
// check for *LockedError, ErrNewerFormat, ErrOlderFormat, ErrKey and ErrTooSmall: after
// these the directory is unchanged.
func Open(dir string, o Options) (*Queue, error) {
	return open(dir, o.withDefaults(), false)
}

// OpenReadOnly opens the queue in dir for reading while no other process has it open for
// writing. keys decrypt it. Methods that would change something return ErrReadOnly.
func OpenReadOnly(dir string, keys ...[]byte) (*Queue, error) {
	return open(dir, Options{OldKeys: keys}.withDefaults(), true)
}

// PrintSecret returns the secret for the fingerprints of entries (Entry.Fingerprint). It is
// derived from the secret of the id hashes, so it is lost only if all ids are lost as well.
func (q *Queue) PrintSecret() []byte {
	mac := hmac.New(sha256.New, q.secret[:])
	mac.Write([]byte("fingerprints"))
	return mac.Sum(nil)
}

// Began returns the sequence number from which on records were appended since Open.
func (q *Queue) Began() Seq { return q.began }

// Close refuses further appends, waits for all running calls, and closes the files. Calling
// it again waits too. It waits for a disk that hangs. A caller that cannot wait lets the
// process exit instead, which loses nothing that was confirmed.
func (q *Queue) Close() error {
	q.closer.Do(func() {
		q.mu.Lock()
		q.closed = true
		q.mu.Unlock()
		close(q.stop)
		q.owned.Wait()
		q.calls.Close()
		q.cerr = q.closeFiles()
	})
	return q.cerr
}

func (q *Queue) closeFiles() error {
	var errs []error
	if q.writer.tail != nil {
		errs = append(errs, q.sealOnClose())
	}
	q.mu.Lock()
	segs := slices.Clone(q.segs)
	q.mu.Unlock()
	for _, s := range segs {
		q.pool.Shut(&s.File)
	}
	errs = append(errs, q.dead.close())
	q.ids.Close()
	errs = append(errs, q.meta.Close())
	errs = append(errs, q.lock.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}
