package watch

import (
	"os"
	"slices"
	"time"

	"relay/internal/logs"
)

// pendingChange is a changed file that is not reported yet.
type pendingChange struct {
	content
	info   os.FileInfo // size, time and identity; nil: the file does not exist
	first  time.Time   // when it was first found to differ from the content in use
	since  time.Time   // since when it is unchanged
	logged bool        // that it keeps changing
}

// unchanged reports whether nothing was written since the last scan, judged by content, size,
// modification time and identity of the file.
func (s pendingChange) unchanged(c content, info os.FileInfo) bool {
	if s.content != c || c.kind == unstable || (s.info == nil) != (info == nil) {
		return false
	}
	return info == nil || os.SameFile(s.info, info) && s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime())
}

// dueChange is a change of a file that has been unchanged for long enough.
type dueChange struct {
	change  Change
	content content
	overdue time.Duration // for how much longer than required
}

// scan reads every file and reports the changes of those that have been unchanged for long enough.
// It returns whether to scan again for the others, and after what time.
func (w *Watcher) scan() (wait time.Duration, again bool) {
	w.mu.Lock()
	files := slices.Clone(w.files)
	w.mu.Unlock()
	w.dirs.follow(files)
	var due []dueChange
	young := false // a file changed a moment ago: the changes that are due can belong to the same edit
	within := func(d time.Duration) {
		if !again || d < wait {
			wait = d
		}
		again = true
	}
	for _, path := range files {
		found, info, change := readContent(path, w.opts.MaxBytes)
		used, known := w.contentInUse(path)
		switch {
		case known && found == used:
			w.dropPending(path)
			continue
		case !known && found.kind != unstable:
			w.setContentInUse(path, found)
			continue
		}
		quiet := time.Since(w.observe(path, found, info).since)
		need := w.opts.Debounce
		if quiet >= need && w.opts.Quiet != nil {
			need = max(need, w.opts.Quiet(change))
		}
		if quiet < need {
			young = young || quiet < w.opts.Debounce
			within(need - quiet)
			continue
		}
		due = append(due, dueChange{change, found, quiet - need})
	}
	for path := range w.pending {
		if !slices.Contains(files, path) {
			w.dropPending(path)
		}
	}
	if young && !slices.ContainsFunc(due, func(d dueChange) bool { return d.overdue >= maxDelay }) {
		return wait, true
	}
	var changes []Change
	for _, d := range due {
		w.dropPending(d.change.Path)
		w.setContentInUse(d.change.Path, d.content)
		changes = append(changes, d.change)
	}
	if len(changes) > 0 {
		w.opts.OnChange(changes)
	}
	if !again {
		for _, done := range w.checking {
			close(done)
		}
		w.checking = nil
	}
	return wait, again
}

// observe records the current content of a changed file. If the file keeps changing, that is
// logged once.
func (w *Watcher) observe(path string, found content, info os.FileInfo) pendingChange {
	now := time.Now()
	s, seen := w.pending[path]
	if !seen {
		s.first = now
	}
	if !seen || !s.unchanged(found, info) {
		s.content, s.info, s.since = found, info, now
	}
	if changing := s.since.Sub(s.first); !s.logged && changing >= tooLong {
		s.logged = true
		w.opts.Logger.Warn("a file keeps changing, its content in use stays", "code", logs.FileRestless,
			"file", path, "seconds", int(changing.Seconds()))
		w.mu.Lock()
		w.changing[path] = s.first
		w.mu.Unlock()
	}
	w.pending[path] = s
	return s
}

// dropPending drops the pending change of a file.
func (w *Watcher) dropPending(path string) {
	delete(w.pending, path)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.changing, path)
}

// ChangingSince returns since when a file keeps changing, so that its change is not reported; zero:
// it does not.
func (w *Watcher) ChangingSince(path string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changing[path]
}

// SetInUse sets the content of a file that is in use, if the caller has read it itself. Only
// another content is a change.
func (w *Watcher) SetInUse(path string, data []byte) { w.setContentInUse(path, contentOf(data)) }

func (w *Watcher) contentInUse(path string) (content, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.inUse[path]
	return c, ok
}

// setContentInUse records the content in use, unless Watch has removed the file meanwhile.
func (w *Watcher) setContentInUse(path string, c content) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.files, path) {
		w.inUse[path] = c
	}
}
