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
	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/ids"
	"relay/queue/local/internal/meta"
	"relay/queue/local/internal/room"
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
	meta     *meta.Store
	ids      *ids.Store
	dead     *deadLog
	pool     segment.Pool // open files
	cache    chunkCache

	in         intake
	requests   sync.Pool            // of *request
	building   sync.Mutex           // held by the writer while it reads what callers gave to Append
	wake       chan struct{}        // to the writer: something waits
	onWriter   chan func(w *writer) // to the writer: run this between commits
	idsReady   chan struct{}        // closed once the ids of before are known
	committing atomic.Int64         // when the commit under way began, Unix ns; 0: none
	tail       *seg                 // the writer's
	syncTail   func(*seg) error     // what confirms a commit; tests have it fail
	tailIDs    *ids.Tail            // the writer's

	kick   chan struct{} // to the keeper: there are tasks
	stop   chan struct{}
	wg     sync.WaitGroup // bounded calls
	owned  sync.WaitGroup // writer and keeper
	closer sync.Once
	closed bool // under mu
	cerr   error

	callsMu     sync.Mutex
	calls       map[string]chan struct{}
	callsClosed bool

	dropping  sync.Mutex // the oldest are dropped by one at a time
	repairing sync.Mutex // one segment is sealed, repaired or rewritten at a time
	// moving is held by those who move records, or redrive letters, together, and by
	// Forget alone: it is taken before anything else is.
	moving sync.RWMutex
	noting sync.Mutex // held while segments are noted (sealed.go), or go with their notes

	counting counting

	mu        sync.Mutex // never held while the disk is waited for
	tasks     []task
	unfiled   []task          // segments whose ids could not be written to a file yet
	segs      []*seg          // ascending; the tail is last
	leaving   map[uint64]bool // segments that are being unlinked, and are not for sure yet
	lanes     map[string]*lane
	changed   chan struct{}
	lastNum   uint64 // highest segment number ever seen
	began     Seq    // the first number since Open
	hold      int    // backups that forbid unlinking
	opening   bool
	broken    error // why the tail takes nothing
	full      string
	lastErr   string
	lastErrAt time.Time
	count     Stats // only its counters
	space     space
	age       room.Age
	ageNoted  time.Duration // run time on record
	syncs     latencies
}

const lockName = "lock"

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
	defT(&o.SaleWindow, queue.SaleWindow)
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

// nextSegment is the number of the next segment. Only the writer asks.
func (q *Queue) nextSegment() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lastNum + 1
}

// Began is the number before which nothing is that was appended since Open.
func (q *Queue) Began() Seq { return q.began }

// Changed gives a channel that is closed when something was appended to any
// lane, or turned up while old segments are being looked at. Ask for it
// before reading, wait on it after.
func (q *Queue) Changed() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed
}

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
		q.callsMu.Lock()
		q.callsClosed = true
		q.callsMu.Unlock()
		q.wg.Wait()
		q.cerr = q.closeFiles()
	})
	return q.cerr
}

func (q *Queue) closeFiles() error {
	var errs []error
	if q.tail != nil {
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
