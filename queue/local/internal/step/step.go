// Package step tells a test of each step in which the files of a queue change, so
// that it can look at what a process leaves that ends right before or behind one.
// Outside of tests nobody watches, and a step costs one comparison.
//
// Invariant: whatever changes the bytes or the names of a queue's files does it
// within a step. Steps do not nest: a Watcher may hold a lock from the beginning of
// a step to its end, and nothing changes meanwhile. Files under a temporary name are
// excepted, which the next open removes: what they become is a step (Place).
package step

import "sync/atomic"

// Kind says what of a step is on the disk, and not in its cache alone.
type Kind uint8

// The kinds of steps.
const (
	Write   Kind = iota // bytes of a file that a power cut may take back
	Commit              // bytes of a file, synced with all that was written to it before
	Sync                // all that was written to a file before
	Unlink              // a name that is gone, which a power cut may bring back
	Link                // a name that has come, which a power cut may take back
	Place               // a name that has come to a synced file, with all other names of its directory
	SyncDir             // all names of a directory
)

var names = [...]string{"write", "commit", "sync", "unlink", "link", "place", "sync directory"}

func (k Kind) String() string { return names[k] }

// Watcher is called when a step begins, with the path of what it changes, and the
// function it returns when the step has ended, well or not.
type Watcher func(k Kind, path string) (end func())

var watcher atomic.Pointer[Watcher]

// Watch has w called from now on, until the function it returns is. It is for tests
// alone: all queues of the process are watched, by one Watcher at a time.
func Watch(w Watcher) (stop func()) {
	if !watcher.CompareAndSwap(nil, &w) {
		panic("step: somebody watches already")
	}
	return func() { watcher.Store(nil) }
}

// Begin says that a step begins. The caller calls end when it has ended.
func Begin(k Kind, path string) (end func()) {
	if w := watcher.Load(); w != nil {
		return (*w)(k, path)
	}
	return none
}

func none() {}
