package watch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"relay/internal/logs"
)

// The modes of watch.mode.
const (
	Auto = "auto" // events of the system, and polling in case one is missed
	Poll = "poll" // only polling
	Off  = "off"  // only Trigger and Check
)

const (
	// scanDelay is the time between the first event and the scan: a burst of events causes one scan.
	scanDelay = 50 * time.Millisecond
	// maxDelay is how long a change waits for changes of other files, to be reported together.
	maxDelay = 2 * time.Second
	// tooLong is how long a file can keep changing before that is logged.
	tooLong = 10 * time.Second
)

// File is a file to watch.
type File struct {
	Path string
	Data []byte // the content in use, so that a change before Run is found; nil: what the first scan reads
}

// Change is a change of the content of one file.
type Change struct {
	Path    string // as in File
	Data    []byte // the whole content; two scans have read the same
	Deleted bool   // the file is gone; keep the content in use
	Err     error  // the file exists but is unreadable or too large; keep the content in use
}

// Options configures a Watcher. Only Files and OnChange are required.
type Options struct {
	Files    []File
	Mode     string        // auto (default), poll or off
	Poll     time.Duration // default 30 s
	Debounce time.Duration // how long a file must be unchanged before its change is reported; default 250 ms
	MaxBytes int64         // of a file; default 4 MiB
	// Quiet returns how long a file must be unchanged before this change is reported, at least
	// Debounce. Run's goroutine calls it, possibly several times for one change. nil: Debounce.
	Quiet func(Change) time.Duration
	// OnChange is called on Run's goroutine with all changes that one scan found, in the order of
	// Files, each once. It can call Watch, SetInUse and Trigger, but not Check.
	OnChange func([]Change)
	Logger   *slog.Logger // default: discards
}

// Watcher reports changes of the content of files, in whatever way they are made: in place, by
// rename, by replacing a link to a directory as Kubernetes does, by deletion and creation. A file
// that was touched or rewritten with the same content has not changed.
type Watcher struct {
	opts    Options
	trigger chan struct{}
	checks  chan chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu       sync.Mutex
	files    []string
	inUse    map[string]content   // the content in use, or reported last
	changing map[string]time.Time // files that keep changing, and since when

	// Used only by Run's goroutine.
	pending  map[string]pendingChange
	dirs     dirWatch
	checking []chan struct{} // calls of Check that return when nothing is pending
}

// New returns a Watcher. Run starts it.
func New(o Options) *Watcher {
	if o.Mode == "" {
		o.Mode = Auto
	}
	if o.Poll <= 0 {
		o.Poll = 30 * time.Second
	}
	if o.Debounce <= 0 {
		o.Debounce = 250 * time.Millisecond
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 4 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnChange == nil {
		o.OnChange = func([]Change) {}
	}
	w := &Watcher{
		opts:    o,
		trigger: make(chan struct{}, 1), checks: make(chan chan struct{}), stopped: make(chan struct{}),
		inUse: map[string]content{}, changing: map[string]time.Time{}, pending: map[string]pendingChange{},
	}
	w.Watch(o.Files...)
	return w
}

// Watch replaces the files that are watched. A file that is already watched keeps its state and
// ignores Data.
func (w *Watcher) Watch(files ...File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.inUse
	w.inUse = map[string]content{}
	w.files = nil
	for _, f := range files {
		if slices.Contains(w.files, f.Path) {
			continue
		}
		w.files = append(w.files, f.Path)
		if c, ok := before[f.Path]; ok {
			w.inUse[f.Path] = c
		} else if f.Data != nil {
			w.inUse[f.Path] = contentOf(f.Data)
		} else if w.opts.Mode == Off { // there is no scan before Trigger or Check
			if c, _, _ := readContent(f.Path, w.opts.MaxBytes); c.kind != unstable {
				w.inUse[f.Path] = c
			}
		}
	}
	if w.opts.Mode != Off {
		w.Trigger()
	}
}

// Trigger makes Run scan the files soon, and does not wait for it: for SIGHUP.
func (w *Watcher) Trigger() {
	select {
	case w.trigger <- struct{}{}:
	default:
	}
}

// Check makes Run scan the files now and returns after every change it found has been reported:
// for a reload whose caller waits for the result. Run must be running.
func (w *Watcher) Check(ctx context.Context) error {
	done := make(chan struct{})
	select {
	case w.checks <- done:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
		return errors.New("the file watcher has stopped")
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stopped:
		return errors.New("the file watcher has stopped")
	}
}

// Run watches until ctx ends, and returns nil. It can be called once.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.once.Do(func() { close(w.stopped) })
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.opts.Mode == Auto {
		notify, err := fsnotify.NewWatcher()
		if err != nil {
			w.opts.Logger.Warn("file changes are found only by polling", "code", logs.PollingOnly, "err", err, "poll", w.opts.Poll)
		} else {
			defer func() { _ = notify.Close() }()
			w.dirs = dirWatch{notify: notify, dirs: map[string]watchedDir{}, log: w.opts.Logger}
			events, failures = notify.Events, notify.Errors
		}
	}
	var poll <-chan time.Time
	if w.opts.Mode != Off {
		ticker := time.NewTicker(w.opts.Poll)
		defer ticker.Stop()
		poll = ticker.C
	}
	due := time.Now() // of the next scan; zero: none is due
	timer := time.NewTimer(0)
	defer timer.Stop()
	within := func(d time.Duration) {
		if at := time.Now().Add(d); due.IsZero() || at.Before(due) {
			due = at
			timer.Reset(d)
		}
	}
	scan := func() {
		due = time.Time{}
		timer.Stop()
		if d, again := w.scan(); again {
			within(d)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			scan()
		case <-poll:
			scan()
		case <-w.trigger:
			scan()
		case done := <-w.checks:
			w.checking = append(w.checking, done)
			scan()
		case <-events:
			within(scanDelay)
		case err := <-failures:
			w.opts.Logger.Debug("watching a directory failed", "code", logs.WatchFailed, "err", err)
			within(scanDelay)
		}
	}
}
