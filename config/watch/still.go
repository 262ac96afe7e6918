package watch

import (
	"os"
	"slices"
	"time"

	"relay/internal/logs"
)

// sighting is what a changed file was found to hold, and since when.
type sighting struct {
	content
	info  os.FileInfo // size, time and identity; nil: no file
	first time.Time   // when the file was first found to be another than the known one
	at    time.Time   // since when it has been still
	said  bool        // that it does not get still
}

// same says that nothing was written between the two sightings, as far as content,
// size, time of change and identity of the file tell.
func (s sighting) same(c content, info os.FileInfo) bool {
	if s.content != c || c.kind == unstable || (s.info == nil) != (info == nil) {
		return false
	}
	return info == nil || os.SameFile(s.info, info) && s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime())
}

// dueChange is a change that has been still for long enough.
type dueChange struct {
	change  Change
	content content
	over    time.Duration // since when
}

// look reads every file, tells the changes of those that have been still for long
// enough, and says whether to look again for the others, and how soon.
func (w *Watcher) look() (wait time.Duration, again bool) {
	w.mu.Lock()
	files := slices.Clone(w.files)
	w.mu.Unlock()
	w.dirs.follow(files)
	var due []dueChange
	young := false // a file changed a moment ago: what is due may belong together with it
	within := func(d time.Duration) {
		if !again || d < wait {
			wait = d
		}
		again = true
	}
	for _, path := range files {
		found, info, change := readContent(path, w.opts.MaxBytes)
		known, inUse := w.knownContent(path)
		switch {
		case inUse && found == known:
			w.settled(path)
			continue
		case !inUse && found.kind != unstable:
			w.setKnown(path, found)
			continue
		}
		s := w.sighted(path, found, info)
		still := time.Since(s.at)
		need := w.opts.Debounce
		if still >= need && w.opts.Still != nil {
			need = max(need, w.opts.Still(change))
		}
		if still < need {
			young = young || still < w.opts.Debounce
			within(need - still)
			continue
		}
		due = append(due, dueChange{change, found, still - need})
	}
	for path := range w.pending {
		if !slices.Contains(files, path) {
			w.settled(path)
		}
	}
	if young && !slices.ContainsFunc(due, func(d dueChange) bool { return d.over >= maxDelay }) {
		return wait, true
	}
	var changes []Change
	for _, d := range due {
		w.settled(d.change.Path)
		w.setKnown(d.change.Path, d.content)
		changes = append(changes, d.change)
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
	return wait, again
}

// sighted notes what a changed file holds now. One that goes on changing is said
// once.
func (w *Watcher) sighted(path string, found content, info os.FileInfo) sighting {
	now := time.Now()
	s, seen := w.pending[path]
	if !seen {
		s.first = now
	}
	if !seen || !s.same(found, info) {
		s.content, s.info, s.at = found, info, now
	}
	if !s.said && s.at.Sub(s.first) >= restless {
		s.said = true
		w.opts.Logger.Warn("a file is written again and again, what is in use of it stays", "code", logs.FileRestless,
			"file", path, "seconds", int(s.at.Sub(s.first).Seconds()))
		w.mu.Lock()
		w.moved[path] = s.first
		w.mu.Unlock()
	}
	w.pending[path] = s
	return s
}

// settled forgets that a file had a change to be told.
func (w *Watcher) settled(path string) {
	delete(w.pending, path)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.moved, path)
}

// Restless says since when a file has been written again and again without being
// still for long enough to be taken; zero: it is not.
func (w *Watcher) Restless(path string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved[path]
}

// Know says what of a file is in use now, where it was read without the watcher:
// the file is told when it holds something else.
func (w *Watcher) Know(path string, data []byte) { w.setKnown(path, contentOf(data)) }

func (w *Watcher) knownContent(path string) (content, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.known[path]
	return c, ok
}

// setKnown notes what is in use, unless Watch has dropped the file meanwhile.
func (w *Watcher) setKnown(path string, c content) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.files, path) {
		w.known[path] = c
	}
}
