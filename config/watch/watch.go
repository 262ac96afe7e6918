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
	Auto = "auto" // told by the system, and polling as a net
	Poll = "poll" // polling alone
	Off  = "off"  // Trigger and Check alone
)

const (
	// glance is how soon a look follows the first sign of a change: a burst of
	// signs is one look.
	glance = 50 * time.Millisecond
	// maxDelay is how long a change waits for others that come with it.
	maxDelay = 2 * time.Second
	// restless is how long a file may go on changing before that is said.
	restless = 10 * time.Second
)

// File is a file to watch.
type File struct {
	Path string
	Data []byte // what is in use, so that a change before Run is seen; nil: what the first look finds
}

// Change is one change of one file's content.
type Change struct {
	Path    string // as it was given
	Data    []byte // the whole content, read twice alike
	Deleted bool   // the file is gone; keep what is in use
	Err     error  // the file is there and cannot be used: unreadable or too large; keep what is in use
}

// Options sets up a Watcher. Only Files and OnChange are needed.
type Options struct {
	Files    []File
	Mode     string        // auto (default), poll or off
	Poll     time.Duration // default 30 s
	Debounce time.Duration // how long a file must have been still before its change is told; default 250 ms
	MaxBytes int64         // of a file; default 4 MiB
	// Still says how long a file must have been still before this change of it is
	// told; less than Debounce counts as that. Run's goroutine calls it, perhaps
	// several times for one change. nil: Debounce for all.
	Still func(Change) time.Duration
	// OnChange is called from Run's goroutine, once for every change, with all
	// that one look found, in the order of Files. It may call Watch, Know and Trigger, not Check.
	OnChange func([]Change)
	Logger   *slog.Logger // nil: none
}

// Watcher tells when the content of files changes, however it is changed: in
// place, by rename, by the swap of a directory link as Kubernetes does, by
// deletion and creation. It tells contents, not events: a touched or rewritten
// file that says the same is no change.
type Watcher struct {
	opts    Options
	trigger chan struct{}
	checks  chan chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu    sync.Mutex
	files []string
	known map[string]content   // last told, or in use
	moved map[string]time.Time // files that change and change, and since when

	// Used by Run's goroutine alone.
	pending map[string]sighting // changed, not yet told
	dirs    dirWatch
	waiting []chan struct{} // Checks to be answered when nothing is pending
}

// New returns a watcher that Run starts.
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
		known: map[string]content{}, moved: map[string]time.Time{}, pending: map[string]sighting{},
	}
	w.Watch(o.Files...)
	return w
}

// Watch replaces the files that are watched. A file that was watched before
// keeps its state, whatever Data says.
func (w *Watcher) Watch(files ...File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.known
	w.known = map[string]content{}
	w.files = nil
	for _, f := range files {
		if slices.Contains(w.files, f.Path) {
			continue
		}
		w.files = append(w.files, f.Path)
		if c, ok := before[f.Path]; ok {
			w.known[f.Path] = c
		} else if f.Data != nil {
			w.known[f.Path] = contentOf(f.Data)
		} else if w.opts.Mode == Off { // no look is made that nobody asks for
			if c, _, _ := readContent(f.Path, w.opts.MaxBytes); c.kind != unstable {
				w.known[f.Path] = c
			}
		}
	}
	if w.opts.Mode != Off {
		w.Trigger()
	}
}

// Trigger makes Run look at the files soon, without waiting for it: for SIGHUP.
func (w *Watcher) Trigger() {
	select {
	case w.trigger <- struct{}{}:
	default:
	}
}

// Check makes Run look at the files now and returns when every change found has
// been told: for a reload whose result somebody waits for. Run must be running.
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

// Run watches until ctx ends and then returns nil. It may be called once.
func (w *Watcher) Run(ctx context.Context) error {
	defer w.once.Do(func() { close(w.stopped) })
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w.opts.Mode == Auto {
		notify, err := fsnotify.NewWatcher()
		if err != nil {
			w.opts.Logger.Warn("file changes are found by polling alone", "code", logs.PollingOnly, "err", err, "poll", w.opts.Poll)
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
	due := time.Now() // when the next look is; zero: when something happens
	timer := time.NewTimer(0)
	defer timer.Stop()
	within := func(d time.Duration) {
		if at := time.Now().Add(d); due.IsZero() || at.Before(due) {
			due = at
			timer.Reset(d)
		}
	}
	look := func() {
		due = time.Time{}
		timer.Stop()
		if d, again := w.look(); again {
			within(d)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			look()
		case <-poll:
			look()
		case <-w.trigger:
			look()
		case done := <-w.checks:
			w.waiting = append(w.waiting, done)
			look()
		case <-events:
			within(glance)
		case err := <-failures:
			w.opts.Logger.Debug("watching a directory failed", "code", logs.WatchFailed, "err", err)
			within(glance)
		}
	}
}
