package receipts

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/internal/seal"
	"relay/relay/internal/drain"
)

// maxFile is an upper bound for the size of a ledger file; rotation keeps files far smaller.
const maxFile = 1 << 32

// Options configures a ledger. The zero value of a field means its default.
type Options struct {
	MaxSize  int64                      // bytes of all files; default 64 MiB
	FileSize int64                      // bytes after which the next file begins; default an eighth of MaxSize
	Key      []byte                     // encrypts new receipts, 32 bytes; nil: no encryption
	OldKeys  [][]byte                   // earlier keys, which still decrypt
	Secret   []byte                     // the installation's secret, the one the mappings have; without it Forget fails
	Tokens   func(body []byte) []string // returns what else in an event can identify people; nil: nothing
	Logger   *slog.Logger
}

// Ledger is an open ledger of receipts. It is safe for concurrent use.
type Ledger struct {
	dir string
	o   Options
	log *slog.Logger
	tag string // identifies the secret

	mu      sync.Mutex
	codec   *codec
	files   []file // oldest first; the last one is written to
	out     *os.File
	buf     []byte
	dirty   bool // written, not synced
	synced  time.Time
	stats   Stats
	closed  bool
	failing bool // the last write failed

	published atomic.Pointer[Stats] // what Stats returns, without waiting for the disk
}

type file struct {
	n    uint64
	size int64
}

// Stats describes the state of a ledger.
type Stats struct {
	Bytes    int64
	Files    int
	Requests int64 // recorded since Open
	Failures int64 // not recorded since Open
}

// errClosed reports a call on a closed ledger.
var errClosed = errors.New("receipts are closed")

// Open opens the ledger in dir, and creates it if needed. The caller makes sure, with the
// queue's lock, that only one process does.
func Open(dir string, o Options) (*Ledger, error) {
	if o.MaxSize <= 0 {
		o.MaxSize = 64 << 20
	}
	if o.FileSize <= 0 {
		o.FileSize = max(o.MaxSize/8, 64<<10)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := newCodec(o.Key, o.OldKeys)
	if err != nil {
		return nil, err
	}
	if err := disk.MakeDir(dir); err != nil {
		return nil, fmt.Errorf("make receipts directory: %w", err)
	}
	if err := disk.Clean(dir); err != nil {
		return nil, fmt.Errorf("open receipts: %w", err)
	}
	l := &Ledger{dir: dir, o: o, log: o.Logger, tag: tagOf(o.Secret), codec: c}
	if l.files, err = list(dir); err != nil {
		return nil, err
	}
	if n := len(l.files); n > 0 {
		if err := l.resume(&l.files[n-1]); err != nil {
			return nil, err
		}
	}
	l.publishStats()
	return l, nil
}

// resume cuts a torn end off the newest file. A file that is not a ledger of this version
// stays unchanged, and the next Record starts another.
func (l *Ledger) resume(f *file) error {
	path := l.path(f.n)
	b, err := disk.ReadFile(path, maxFile)
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	good := int64(len(magic))
	if !bytes.HasPrefix(b, []byte(magic)) {
		if len(b) >= len(magic) {
			return nil // another version's file: do not append to it
		}
		good = 0
	} else {
		var unread, end Unread
		if err := l.codec.walk(b, f.n, func(p piece) error {
			if end.count(p); !errors.Is(p.err, errDamaged) { // damage before this record is not a torn end
				good = p.at + int64(len(p.b))
				unread.add(end)
				end = Unread{}
			}
			return nil
		}); err != nil {
			return err
		}
		l.logUnread(unread)
	}
	out, err := disk.OpenOwn(path, os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open receipts: %w", err)
	}
	if good < int64(len(b)) {
		l.log.Warn("cutting a torn end off the receipts", "code", logs.ReceiptsTorn, "bytes", int64(len(b))-good)
		if err := out.Truncate(good); err != nil {
			out.Close()
			return fmt.Errorf("cut receipts: %w", err)
		}
	}
	if good == 0 {
		if _, err := out.WriteAt([]byte(magic), 0); err != nil {
			out.Close()
			return fmt.Errorf("write receipts: %w", err)
		}
		good = int64(len(magic))
	}
	l.out, f.size = out, good
	return nil
}

// logUnread logs how much of the ledger cannot be read.
func (l *Ledger) logUnread(u Unread) {
	if u != (Unread{}) {
		l.log.Warn("some receipts cannot be read", "code", logs.ReceiptsUnread, "damaged", u.Damaged, "sealed", u.Sealed)
	}
}

func list(dir string) (files []file, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list receipts: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".log")
		n, err := strconv.ParseUint(name, 16, 64)
		if !ok || err != nil || len(name) != 16 {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // deleted since ReadDir
		}
		files = append(files, file{n, info.Size()})
	}
	slices.SortFunc(files, func(a, b file) int { return int(int64(a.n) - int64(b.n)) })
	return files, nil
}

func path(dir string, n uint64) string { return filepath.Join(dir, fmt.Sprintf("%016x.log", n)) }

func (l *Ledger) path(n uint64) string { return path(l.dir, n) }

// Record appends an accepted request; it is drain.Options.Delivered. A failure is logged and
// counted. It never causes the request to be sent again.
func (l *Ledger) Record(d drain.Delivery) {
	e := entryOf(d)
	e.Secret = l.tag
	if l.o.Tokens != nil && len(l.o.Secret) > 0 {
		p := newTokenHasher(l.o.Secret)
		for i := range d.Items {
			e.Items[i].Tokens = p.pack(l.tokens(d.Items[i].Body))
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.publishStats()
	if err := l.append(&e); err != nil {
		l.stats.Failures++
		if !l.failing {
			l.log.Error("cannot write receipts; delivery continues without them", "code", logs.ReceiptsFailed, "err", err)
		}
		l.failing = true
		return
	}
	if l.failing {
		l.log.Info("receipts can be written again", "code", logs.ReceiptsOK, "lost", l.stats.Failures)
	}
	l.failing = false
	l.stats.Requests++
}

// tokens returns the tokens of a delivered event. It recovers a panic in Options.Tokens, which
// must not stop delivery.
func (l *Ledger) tokens(body []byte) (all []string) {
	defer func() {
		if recover() != nil {
			l.log.Error("internal error: cannot extract the tokens of a delivered event; a forget finds its receipt only by messageId and order id", "code", logs.ReceiptsFailed)
		}
	}()
	return l.o.Tokens(body)
}

func (l *Ledger) append(e *entry) error {
	if l.closed {
		return errClosed
	}
	if l.out == nil || l.files[len(l.files)-1].size >= l.o.FileSize {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	f := &l.files[len(l.files)-1]
	var err error
	if l.buf, err = l.codec.record(l.buf[:0], e, f.n, f.size); err != nil {
		return err
	}
	if _, err := l.out.WriteAt(l.buf, f.size); err != nil {
		// The next record overwrites a part that was written, or Open cuts it off.
		_ = l.out.Truncate(f.size)
		return fmt.Errorf("write receipts: %w", err)
	}
	f.size += int64(len(l.buf))
	l.dirty = true
	if time.Since(l.synced) >= time.Second {
		return l.sync()
	}
	return nil
}

func (l *Ledger) sync() error {
	if !l.dirty || l.out == nil {
		return nil
	}
	if err := l.out.Sync(); err != nil {
		return fmt.Errorf("sync receipts: %w", err)
	}
	l.dirty, l.synced = false, time.Now()
	return nil
}

// rotate starts the next file and deletes the oldest ones while the ledger is too large.
func (l *Ledger) rotate() error {
	if l.out != nil {
		if err := l.sync(); err != nil {
			return err
		}
		l.out.Close()
		l.out = nil
	}
	n := uint64(1)
	if k := len(l.files); k > 0 {
		n = l.files[k-1].n + 1
	}
	out, err := os.OpenFile(l.path(n), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make receipts file: %w", err)
	}
	if _, err := out.Write([]byte(magic)); err != nil {
		out.Close()
		_ = os.Remove(l.path(n))
		return fmt.Errorf("write receipts: %w", err)
	}
	if err := disk.SyncDir(l.dir); err != nil {
		out.Close()
		_ = os.Remove(l.path(n))
		return fmt.Errorf("make receipts file: %w", err)
	}
	l.out = out
	l.files = append(l.files, file{n, int64(len(magic))})
	total := int64(0)
	for _, f := range l.files {
		total += f.size
	}
	for len(l.files) > 2 && total+l.o.FileSize > l.o.MaxSize {
		if err := os.Remove(l.path(l.files[0].n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove old receipts: %w", err)
		}
		total -= l.files[0].size
		l.files = l.files[1:]
	}
	return nil
}

// Stats returns the size and counters of the ledger. It never waits for the disk: metrics
// matter most while the disk hangs.
func (l *Ledger) Stats() Stats { return *l.published.Load() }

// publishStats updates what Stats returns. The caller holds l.mu.
func (l *Ledger) publishStats() {
	st := l.stats
	st.Files = len(l.files)
	for _, f := range l.files {
		st.Bytes += f.size
	}
	l.published.Store(&st)
}

// Close syncs and closes the ledger. Calling it again does nothing.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.sync()
	if l.out != nil {
		err = errors.Join(err, l.out.Close())
		l.out = nil
	}
	l.codec.close()
	return err
}

// SetKeys changes the encryption key: later receipts are sealed with key. Older receipts are
// not rewritten; they need their keys in old until they are deleted.
func (l *Ledger) SetKeys(key []byte, old ...[]byte) error {
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		return fmt.Errorf("set keys of receipts: %w", err)
	}
	l.codec.ring.Use(keys)
	return nil
}
