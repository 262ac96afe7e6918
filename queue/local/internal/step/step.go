// Package step lets a test observe every step that changes the files of a queue, so
// that the test can inspect what a process leaves when it dies right before or right
// after the step. Outside tests there is no watcher, and a step costs one comparison.
//
// Invariant: all code that changes the bytes or the names of a queue's files does so
// within a step. Steps do not nest: a Watcher can hold a lock from the beginning of
// a step to its end, and nothing changes meanwhile. Files under a temporary name are
// exempt, because the next open removes them; giving one its final name is a step (Place).
package step

import "sync/atomic"

// Kind is what a step changes, and whether the change survives a power cut.
type Kind uint8

// The kinds of steps.
const (
	Write   Kind = iota // bytes of a file; a power cut can undo them
	Commit              // bytes of a file, synced together with everything written to it before
	Sync                // sync of everything written to a file before
	Unlink              // a name is removed; a power cut can bring it back
	Link                // a name is added; a power cut can remove it again
	Place               // a name is given to a synced file, and all names of its directory are synced
	SyncDir             // sync of all names of a directory
)

var names = [...]string{"write", "commit", "sync", "unlink", "link", "place", "sync directory"}

func (k Kind) String() string { return names[k] }

// Watcher is called when a step begins, with the path of the file that changes. The
// function it returns is called when the step has ended, successfully or not.
type Watcher func(k Kind, path string) (end func())

var watcher atomic.Pointer[Watcher]

// Watch installs w until stop is called. It is for tests only. It watches all queues
// of the process. It panics if a Watcher is installed already.
func Watch(w Watcher) (stop func()) {
	if !watcher.CompareAndSwap(nil, &w) {
		panic("step: a watcher is installed already")
	}
	return func() { watcher.Store(nil) }
}

// Begin reports the beginning of a step. The caller calls end when the step has ended.
func Begin(k Kind, path string) (end func()) {
	if w := watcher.Load(); w != nil {
		return (*w)(k, path)
	}
	return none
}

func none() {}
