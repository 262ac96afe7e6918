package queuetest

import (
	"os"
	"testing"
)

// Opener opens the log that lies in dir, or makes it. Everything that lies there
// from before may be read and is counted when it returns.
type Opener func(dir string) (Log, error)

// Engine says how a log is opened, and what the engine can do beside what each
// must. A test of an ability that is not offered is skipped.
type Engine struct {
	Open     Opener
	Outlives bool    // a log outlives the process that has it open
	Full     *Full   // a log may be bounded
	Hang     *Hang   // the disk under a log may hang
	Damage   *Damage // the files of a log may be damaged
}

// Full opens a log that refuses after a few MiB.
type Full struct {
	Open Opener
	Size int64 // bytes of bodies that are certainly more than it holds
}

// Hang opens a log whose calls wait for the disk for about a second, and of whose
// appends only a few MiB wait at a time.
type Hang struct {
	Open Opener
	// Volume gives a directory on a disk that hangs on demand, or skips the test.
	Volume func(t *testing.T) Freezer
}

// Freezer is a disk that hangs from Freeze to Thaw.
type Freezer interface {
	Dir() string
	Freeze()
	Thaw() // may be called more than once
}

// Damage opens a log that begins a new file about every 100 KiB.
type Damage struct {
	Open Opener
	// Files gives the files of a closed log that hold records and are not written
	// any more.
	Files func(dir string) ([]string, error)
	// Lost gives how many records the open log knows to be lost.
	Lost func(l Log) int64
}

// Run runs the contract's tests against e. Each log gets a directory of its own.
func Run(t *testing.T, e Engine) {
	t.Helper()
	if dir := os.Getenv(childDir); dir != "" {
		child(e.Open, dir) // until it is killed
	}
	for _, c := range []struct {
		name string
		fn   func(p part)
	}{
		{"append", testAppend},
		{"read", testRead},
		{"settle", testSettle},
		{"revision", testRevision},
		{"lanes", testLanes},
		{"changed", testChanged},
		{"model", testModel},
		{"full", testFull},
		{"hang", testHang},
		{"damage", testDamage},
		{"crash", testCrash},
	} {
		t.Run(c.name, func(t *testing.T) { c.fn(part{t, e}) })
	}
}

// part is a part of the contract at work on an engine.
type part struct {
	*testing.T
	Engine
}

// run runs tests of one part, each on a fresh log.
func run(t *testing.T, open Opener, tests map[string]func(s *subject)) {
	t.Helper()
	for name, fn := range tests {
		t.Run(name, func(t *testing.T) { fn(newSubject(t, open, t.TempDir())) })
	}
}
