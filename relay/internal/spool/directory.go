package spool

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
		next := d.scan(ctx)
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
		d.say(".", "spool: directory cannot be read", err)
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
			d.say(name, "spool: file cannot be taken", err)
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

// claim moves a dropped file where nobody else will touch it, under a random
// name that its rows' ids are made of.
func (d *Directory) claim(name string) (string, error) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	claim := filepath.Join(d.o.Dir, workDir, hex.EncodeToString(b[:]))
	if err := os.Mkdir(claim, 0o700); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(d.o.Dir, name), filepath.Join(claim, fileName+name)); err != nil {
		_ = os.Remove(claim)
		return "", err
	}
	delete(d.waiting, name)
	return claim, errors.Join(syncDir(claim), syncDir(filepath.Dir(claim)), syncDir(d.o.Dir))
}

// resume goes on with the files that are claimed already.
func (d *Directory) resume(ctx context.Context) {
	work := filepath.Join(d.o.Dir, workDir)
	claims, err := os.ReadDir(work)
	if err != nil {
		d.say(workDir, "spool: directory cannot be read", err)
		return
	}
	for _, c := range claims {
		if ctx.Err() == nil && c.IsDir() {
			d.take(ctx, filepath.Join(work, c.Name()))
		}
	}
}

// take stores a claimed file and moves it to where it stays.
func (d *Directory) take(ctx context.Context, claim string) {
	path, err := claimed(claim)
	if err != nil {
		d.say(claim, "spool: claimed file cannot be found", err)
		return
	}
	if path == "" { // moved already: what is left is to clear away
		d.clear(claim)
		return
	}
	name := strings.TrimPrefix(filepath.Base(path), fileName)
	rep, err := d.read(ctx, claim, path)
	var check *CheckError
	var format *FormatError
	to := doneDir
	switch {
	case err == nil:
	case errors.As(err, &check) && check.Checked == 0: // an empty file
	case errors.As(err, &check), errors.As(err, &format):
		to = refusedDir
	case ctx.Err() != nil:
		return // the claim stays for the next run
	default:
		d.say(claim, "spool: file cannot be stored yet", err)
		return
	}
	if to == refusedDir {
		if err := explain(filepath.Join(claim, reportName), err); err != nil {
			d.say(claim, "spool: report cannot be written yet", err)
			return
		}
	}
	if err := d.finish(claim, path, name, to); err != nil {
		d.say(claim, "spool: file cannot be moved yet", err)
		return
	}
	delete(d.said, claim)
	log := d.o.Logger.With("rows", rep.Rows, "stored", rep.Stored, "duplicates", rep.Duplicates, "refused", rep.Refused, "ignored", rep.Ignored)
	switch {
	case to == refusedDir:
		log.Error("spool: file refused", "file", name, "error", firstLine(err))
	case rep.Refused > 0:
		log.Warn("spool: file stored, some rows refused", "file", name)
	default:
		log.Info("spool: file stored", "file", name)
	}
	d.o.Stored(rep)
}

// explain writes why a file was refused as the first lines of a report of its
// own, behind what was reported before.
func explain(path string, why error) error {
	fi, err := os.Stat(path)
	size := int64(0)
	if err == nil {
		size = fi.Size()
	}
	r, err := openReport(path, size)
	if err != nil {
		return err
	}
	defer r.close()
	problems := []Problem{{Code: "unreadable_file", Message: firstLine(why)}}
	var check *CheckError
	if errors.As(why, &check) {
		problems[0].Code = "unusable_rows"
		problems = append(problems, check.Problems...)
	}
	for _, p := range problems {
		if err := r.add(p); err != nil {
			return err
		}
	}
	return r.sync()
}

// firstLine: what follows names rows, which the report has.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// claimed finds the file in a claim; none if it has been moved.
func claimed(claim string) (string, error) {
	entries, err := os.ReadDir(claim)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), fileName) {
			return filepath.Join(claim, e.Name()), nil
		}
	}
	return "", nil
}

// read stores what is in a claimed file, and what its writer may still add
// meanwhile.
func (d *Directory) read(ctx context.Context, claim, path string) (Report, error) {
	for {
		f, err := os.Open(path)
		if err != nil {
			return Report{}, err
		}
		fi, err := f.Stat()
		if err != nil || !fi.Mode().IsRegular() {
			_ = f.Close()
			return Report{}, errors.Join(errors.New("no regular file"), err)
		}
		received := fi.ModTime() // when the till wrote it
		if now := d.o.Now(); received.After(now) {
			received = now
		}
		rep, err := Import(ctx, f, Options{
			Queue: d.o.Queue, Route: d.o.Route, MaxEventBytes: d.o.MaxEventBytes,
			Name: path, SkipBad: true, Undated: true, Received: received,
			Key:       "spool-" + filepath.Base(claim),
			StateFile: filepath.Join(claim, stateName), ReportFile: filepath.Join(claim, reportName),
			Logger: d.o.Logger, Now: d.o.Now,
		})
		_ = f.Close()
		if err != nil {
			return rep, err
		}
		if fi, err := os.Stat(path); err != nil || fi.Size() == rep.Size {
			return rep, err
		}
	}
}

// finish moves the report and the file, in this order, and clears the claim
// away. Interrupted anywhere, it can be done again.
func (d *Directory) finish(claim, path, name, to string) error {
	id := filepath.Base(claim)
	err := os.Rename(filepath.Join(claim, reportName), filepath.Join(d.o.Dir, refusedDir, name+"."+id+".jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	target := filepath.Join(d.o.Dir, to, name)
	if _, err := os.Lstat(target); err == nil { // one of that name was there before
		target += "." + id
	}
	if err := os.Rename(path, target); err != nil {
		return err
	}
	now := d.o.Now()
	_ = os.Chtimes(target, now, now) // Keep counts from here
	if err := errors.Join(syncDir(filepath.Join(d.o.Dir, refusedDir)), syncDir(filepath.Join(d.o.Dir, to)), syncDir(claim)); err != nil {
		return err
	}
	d.clear(claim)
	return nil
}

func (d *Directory) clear(claim string) {
	for _, f := range []string{stateName, stateName + ".new", reportName} {
		_ = os.Remove(filepath.Join(claim, f))
	}
	if err := os.Remove(claim); err != nil {
		d.say(claim, "spool: claim cannot be removed", err)
	}
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

// say logs a fault once, until it is another one.
func (d *Directory) say(about, msg string, err error) {
	if d.said[about] == err.Error() {
		return
	}
	d.said[about] = err.Error()
	d.o.Logger.Warn(msg, "file", filepath.Base(about), "error", err)
}
