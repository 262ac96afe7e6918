package config

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
	WatchAuto = "auto" // told by the system, and polling as a net
	WatchPoll = "poll" // polling alone
	WatchOff  = "off"  // Trigger and Check alone
)

// maxDelay is how long a busy directory may put off a look at the files.
const maxDelay = 2 * time.Second

// WatchedFile is a file to watch.
type WatchedFile struct {
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

// WatchOptions sets up a Watcher. Only Files and OnChange are needed.
type WatchOptions struct {
	Files    []WatchedFile
	Mode     string        // auto (default), poll or off
	Poll     time.Duration // default 30 s
	Debounce time.Duration // quiet time before a look at the files, and between the two reads of a changed one; default 250 ms
	MaxBytes int64         // of a file; default 4 MiB
	// OnChange is called from Run's goroutine, once for every change, with all
	// that one look found, in the order of Files. It may call Watch and Trigger, not Check.
	OnChange func([]Change)
	Logger   *slog.Logger // nil: none
}

// Watcher tells when the content of files changes, however it is changed: in
// place, by rename, by the swap of a directory link as Kubernetes does, by
// deletion and creation. It tells contents, not events: a touched or rewritten
// file that says the same is no change.
type Watcher struct {
	opts    WatchOptions
	trigger chan struct{}
	checks  chan chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu    sync.Mutex
	files []string
	known map[string]content // last told, or in use at the start

	// Used by Run's goroutine alone.
	pending map[string]sighting // seen once, not yet told
	dirs    dirWatch
	waiting []chan struct{} // Checks to be answered when nothing is pending
}

// NewWatcher returns a watcher that Run starts.
func NewWatcher(o WatchOptions) *Watcher {
	if o.Mode == "" {
		o.Mode = WatchAuto
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
		known: map[string]content{}, pending: map[string]sighting{},
	}
	w.Watch(o.Files...)
	return w
}

// Watch replaces the files that are watched. A file that was watched before
// keeps its state, whatever Data says.
func (w *Watcher) Watch(files ...WatchedFile) {
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
		} else if w.opts.Mode == WatchOff { // no look is made that nobody asks for
			if c, _ := readContent(f.Path, w.opts.MaxBytes); c.kind != unstable {
				w.known[f.Path] = c
			}
		}
	}
	if w.opts.Mode != WatchOff {
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
	if w.opts.Mode == WatchAuto {
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
	if w.opts.Mode != WatchOff {
		ticker := time.NewTicker(w.opts.Poll)
		defer ticker.Stop()
		poll = ticker.C
	}
	timer := time.NewTimer(0) // the first look
	defer timer.Stop()
	var noisySince time.Time // the first event since the last look
	look := func() {
		noisySince = time.Time{}
		if w.look() {
			timer.Reset(w.opts.Debounce)
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
			now := time.Now()
			if noisySince.IsZero() {
				noisySince = now
			}
			timer.Reset(max(0, min(w.opts.Debounce, maxDelay-now.Sub(noisySince))))
		case err := <-failures:
			w.opts.Logger.Debug("watching a directory failed", "code", logs.WatchFailed, "err", err)
			timer.Reset(w.opts.Debounce)
		}
	}
}

// look reads every file, tells the changes that were seen the same way twice,
// and says whether there is one that must be seen again.
func (w *Watcher) look() (again bool) {
	w.mu.Lock()
	files := slices.Clone(w.files)
	w.mu.Unlock()
	w.dirs.follow(files)
	var changes []Change
	for _, path := range files {
		now, change := readContent(path, w.opts.MaxBytes)
		known, inUse := w.knownContent(path)
		switch {
		case inUse && now == known:
			delete(w.pending, path)
		case !inUse && now.kind != unstable:
			w.setKnown(path, now)
		case now.kind != unstable && w.pending[path].content == now && time.Since(w.pending[path].at) >= w.opts.Debounce:
			delete(w.pending, path)
			w.setKnown(path, now)
			changes = append(changes, change)
		default:
			if w.pending[path].content != now {
				w.pending[path] = sighting{now, time.Now()}
			}
			again = true
		}
	}
	for path := range w.pending {
		if !slices.Contains(files, path) {
			delete(w.pending, path)
		}
	}
	if len(changes) > 0 {
		w.opts.OnChange(changes)
	}
	if !again {
		for _, done := range w.waiting {
			close(done)
		}
		w.waiting = nil
	}
	return again
}

// sighting is what a file was found to hold, and since when.
type sighting struct {
	content
	at time.Time
}

func (w *Watcher) knownContent(path string) (content, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.known[path]
	return c, ok
}

// setKnown notes what is told, unless Watch has dropped the file meanwhile.
func (w *Watcher) setKnown(path string, c content) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.files, path) {
		w.known[path] = c
	}
}
