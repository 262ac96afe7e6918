package queuetest

import (
	"os"
	"testing"
)

// Opener opens or creates the log in dir. When it returns, all existing records can be read and are
// counted.
type Opener func(dir string) (Log, error)

// Engine describes how a log is opened and which optional abilities the engine has. Tests of
// missing abilities are skipped.
type Engine struct {
	Open     Opener
	Outlives bool    // a log outlives the process that has it open
	Full     *Full   // a log can have a size limit
	Hang     *Hang   // the disk under a log can hang
	Damage   *Damage // the files of a log can be damaged
}

// Full opens a log that is full after a few MiB.
type Full struct {
	Open Opener
	Size int64 // bytes of bodies that certainly exceed its limit
}

// Hang opens a log whose calls wait about a second for the disk, and that lets only a few MiB of
// appends wait at a time.
type Hang struct {
	Open Opener
	// Volume returns a directory on a disk that can be frozen, or skips the test.
	Volume func(t *testing.T) Freezer
}

// Freezer is a disk that hangs from Freeze to Thaw.
type Freezer interface {
	Dir() string
	Freeze()
	Thaw() // may be called more than once
}

// Damage opens a log that starts a new file about every 100 KiB.
type Damage struct {
	Open Opener
	// Files returns the files of a closed log that hold records and are no longer written.
	Files func(dir string) ([]string, error)
	// Lost returns how many records the open log knows to be lost.
	Lost func(l Log) int64
}

// Run runs the contract's tests against e. Each log gets its own directory.
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

// part is a part of the contract, run against an engine.
type part struct {
	*testing.T
	Engine
}

// run runs the tests of one part, each on a new log.
func run(t *testing.T, open Opener, tests map[string]func(s *subject)) {
	t.Helper()
	for name, fn := range tests {
		t.Run(name, func(t *testing.T) { fn(newSubject(t, open, t.TempDir())) })
	}
}
