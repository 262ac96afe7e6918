package local

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/internal/seal"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/calls"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/segment"
)

// Queue is an open directory. Its methods may be called from any goroutine.
type Queue struct {
	dir      string
	o        Options
	now      func() time.Time
	readOnly bool
	lock     *disk.Lock
	ring     *seal.Ring
	zstd     *chunk.Codec
	secret   [32]byte
	began    Seq // the first number since Open

	meta  *meta.Store
	ids   *ids.Store
	dead  *deadLog
	pool  segment.Pool // open files
	cache chunk.Cache

	// Each has a lock of its own and takes no other: they may be asked with any held.
	in       intake
	tasks    tasks
	counters counters
	health   health
	gone     atomic.Bool // the directory was removed or moved away
	space    space
	ages     ages

	index
	turns
	writer *writer
	calls  *calls.Set // what waits for the disk on behalf of callers

	stop   chan struct{}
	owned  sync.WaitGroup // writer and keeper
	closer sync.Once
	cerr   error
}

// turns are the locks of what waits for the disk, in the order in which they are taken;
// index.mu is behind them all.
type turns struct {
	// moving is held by those who move records, or redrive letters, together, and by
	// Forget alone.
	moving   sync.RWMutex
	dropping sync.Mutex // the oldest are dropped by one at a time
	// repairing: one segment is sealed, repaired or rewritten at a time.
	repairing sync.Mutex
	// recounting is held while lanes are counted, by one at a time: who comes later sees
	// what the one before may have missed. And while segments that are drained are
	// unlinked (tidy): what a count looks at stays.
	recounting sync.Mutex
	noting     sync.Mutex // held while segments are noted (sealed.go), or go with their notes
	updating   sync.Mutex // one note is read and set at a time
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

// Open opens the queue in dir, making it if need be, and has a fresh tail
// ready when it returns: what lies there from before is looked at behind it.
// Errors to decide by: *LockedError, ErrNewerFormat, ErrOlderFormat, ErrKey, ErrTooSmall; none
// of them leaves a trace in the directory.
func Open(dir string, o Options) (*Queue, error) {
	return open(dir, o.withDefaults(), false)
}

// OpenReadOnly opens the queue in dir for looking while no other process has
// it open for writing. keys open what is encrypted. Everything that would
// change something returns ErrReadOnly.
func OpenReadOnly(dir string, keys ...[]byte) (*Queue, error) {
	return open(dir, Options{OldKeys: keys}.withDefaults(), true)
}

// PrintSecret is a secret to make the fingerprints of entries with (Entry.Print).
// It is derived from that of the id hashes, so that it is lost only when no id is
// known any more.
func (q *Queue) PrintSecret() []byte {
	mac := hmac.New(sha256.New, q.secret[:])
	mac.Write([]byte("fingerprints"))
	return mac.Sum(nil)
}

// Began is the number before which nothing is that was appended since Open.
func (q *Queue) Began() Seq { return q.began }

// Close stops taking appends, waits for those under way and for every other
// call, and closes the files. It may be called again and waits then too. A disk
// that hangs is waited for: whoever cannot wait lets the process end instead,
// which loses nothing that was confirmed.
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
