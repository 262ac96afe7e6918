package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/relay/internal/track"
)

// Names below the spool directory.
const (
	workDir    = ".work"   // claimed files, each in a directory of its own
	doneDir    = "done"    // stored
	refusedDir = "refused" // not one row usable; and reports of refused rows

	stateName  = "state.json"
	reportName = "report.jsonl"
	fileName   = "file-" // and the name it was dropped under
)

// DirectoryOptions say how a directory is watched. Dir and Queue are required.
type DirectoryOptions struct {
	Dir           string
	Queue         Appender
	Route         func(event string) []string
	PrintKey      track.PrintKey
	MaxEventBytes int

	Notify <-chan struct{} // something may have been dropped: look now
	Poll   time.Duration   // look without being told; default 10 s
	Quiet  time.Duration   // a file must not have changed for so long; default 2 s
	Keep   time.Duration   // how long done files stay; default 30 days, negative: for ever

	// Stored is told of each file that has been dealt with.
	Stored func(Report)
	Logger *slog.Logger
	Now    func() time.Time
}

// Directory takes files that are dropped into a directory.
type Directory struct {
	o       DirectoryOptions
	turn    turn
	waiting map[string]sighting // dropped files that may not be complete yet
	said    map[string]string   // what has been logged about a file, to say it once
}

// sighting is what a dropped file looked like, and since when.
type sighting struct {
	size  int64
	mod   time.Time
	since time.Time
}

// NewDirectory makes the directory and those below it.
func NewDirectory(o DirectoryOptions) (*Directory, error) {
	if o.Dir == "" || o.Queue == nil {
		return nil, errors.New("set up spool: no directory or no queue")
	}
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Poll, 10*time.Second)
	def(&o.Quiet, 2*time.Second)
	def(&o.Keep, 30*24*time.Hour)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stored == nil {
		o.Stored = func(Report) {}
	}
	if err := os.MkdirAll(o.Dir, 0o770); err != nil {
		return nil, fmt.Errorf("set up spool: %w", err)
	}
	for _, d := range []string{workDir, doneDir, refusedDir} {
		if err := os.MkdirAll(filepath.Join(o.Dir, d), 0o700); err != nil {
			return nil, fmt.Errorf("set up spool: %w", err)
		}
	}
	return &Directory{o: o, waiting: map[string]sighting{}, said: map[string]string{}}, nil
}

// Run takes files until ctx is done. Files that an earlier run had claimed come
// first.
func (d *Directory) Run(ctx context.Context) error {
	for {
		one, end := d.turn.begin(ctx)
		next := d.scan(one)
		end()
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-d.o.Notify:
			timer.Stop()
		}
	}
}

// scan deals with what is there and returns when to look again.
func (d *Directory) scan(ctx context.Context) time.Duration {
	d.resume(ctx)
	names, err := d.dropped()
	if err != nil {
		d.once(".", err).Warn("spool: directory cannot be read", "code", logs.SpoolUnreadable)
		return d.o.Poll
	}
	next := d.o.Poll
	for _, name := range names {
		if ctx.Err() != nil {
			return next
		}
		if wait := d.complete(name); wait > 0 {
			next = min(next, wait)
			continue
		}
		claim, err := d.claim(name)
		if err != nil {
			d.once(name, err).Warn("spool: file cannot be taken", "code", logs.SpoolFileNotTaken)
			continue
		}
		d.take(ctx, claim)
	}
	d.tidy()
	return next
}

// dropped lists what lies in the directory for us, oldest first. Hidden files,
// names that programs give to unfinished ones, and whatever is no regular file
// are not for us.
func (d *Directory) dropped() ([]string, error) {
	entries, err := os.ReadDir(d.o.Dir)
	if err != nil {
		return nil, err
	}
	type found struct {
		name string
		sighting
	}
	var all []found
	for _, e := range entries {
		if !e.Type().IsRegular() || !wanted(e.Name()) {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue // gone again
		}
		all = append(all, found{e.Name(), sighting{size: fi.Size(), mod: fi.ModTime()}})
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(a.mod.Compare(b.mod), cmp.Compare(a.name, b.name))
	})
	now := d.o.Now()
	still := make(map[string]sighting, len(all))
	names := make([]string, len(all))
	for i, f := range all {
		f.since = now
		if old, ok := d.waiting[f.name]; ok && old.size == f.size && old.mod.Equal(f.mod) {
			f.since = old.since
		}
		still[f.name] = f.sighting
		names[i] = f.name
	}
	d.waiting = still
	return names, nil
}

func wanted(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
		return false
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jsonl", ".ndjson", ".json", ".csv", ".txt":
		return true
	}
	return false
}

// complete returns how long a file has to be left alone yet.
func (d *Directory) complete(name string) time.Duration {
	return d.o.Quiet - d.o.Now().Sub(d.waiting[name].since)
}

// tidy removes done files that have been kept long enough.
func (d *Directory) tidy() {
	if d.o.Keep < 0 {
		return
	}
	dir := filepath.Join(d.o.Dir, doneDir)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && d.o.Now().Sub(fi.ModTime()) > d.o.Keep {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// once returns a logger for a fault: one that writes nothing when the same
// fault was logged last.
func (d *Directory) once(about string, err error) *slog.Logger {
	if d.said[about] == err.Error() {
		return slog.New(slog.DiscardHandler)
	}
	d.said[about] = err.Error()
	return d.o.Logger.With("file", filepath.Base(about), "err", err)
}
