package spool

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"relay/internal/logs"
	"relay/internal/seal"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// DirectoryOptions say how a directory is watched. Dir and Queue are required.
type DirectoryOptions struct {
	Dir           string
	Layout        rows.Layout // of tables
	Queue         Appender
	Route         func(event string) []string
	ReadTime      func(value []byte, received time.Time) (time.Time, bool)
	PrintKey      track.PrintKey
	MaxEventBytes int

	Notify <-chan struct{} // something may have been dropped: look now
	Poll   time.Duration   // look without being told; default 10 s
	Quiet  time.Duration   // a file must not have changed for so long; five times that when its last line has no end; default 2 s
	Doubt  time.Duration   // a file that was being read when the process ended waits so long from the start, and twice that the second time; default 2 s
	Keep   time.Duration   // how long done files stay; 0: not at all, negative: for ever
	Seal   *seal.Ring      // what seals the files that stay; nil: nothing does

	// Stored is told of each file that has been dealt with.
	Stored func(Report)
	Logger *slog.Logger
	Now    func() time.Time
}

// Directory takes files that are dropped into a directory.
type Directory struct {
	o      DirectoryOptions
	house  *house
	turn   turn
	begun  time.Time
	seen   map[string]sighting // by path: files and directories that were there at the last look
	said   map[string]string   // what has been logged about a file, to say it once
	status atomic.Pointer[DirectoryStatus]

	untaken  map[string]lying // by path or claim: what is not taken, once it has lain for a while
	sealedBy uint32           // the key with which what had stayed plain was sealed; 0: none

	inHand  string    // the claim that is being stored while others are looked at; "": none
	recount time.Time // from when on the status is made anew during a look
}

// sighting is what a file looked like, and since when it has looked so.
type sighting struct {
	stamp
	since time.Time
	first time.Time // when it was first seen
	moves time.Time // since when it has been changed again and again
}

// unendedFactor: a file whose last line has no end is left alone that much longer.
const unendedFactor = 5

// maxDropped is how many bytes a dropped file may have, packed and unpacked, and
// largeFile from where on smaller ones go first.
const (
	maxDropped = 8 << 30
	largeFile  = 64 << 20
)

// maxDeaths is how often the process may end while a file is read.
const maxDeaths = 3

// NewDirectory makes the directory and those below it.
func NewDirectory(o DirectoryOptions) (*Directory, error) {
	if o.Dir == "" || o.Queue == nil {
		return nil, errors.New("set up spool: no directory or no queue")
	}
	o.Poll = cmp.Or(o.Poll, 10*time.Second)
	o.Doubt = cmp.Or(o.Doubt, 2*time.Second)
	o.Quiet = cmp.Or(o.Quiet, 2*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Stored == nil {
		o.Stored = func(Report) {}
	}
	h, err := openHouse(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("set up spool: %w", err)
	}
	d := &Directory{o: o, house: h, begun: o.Now(), seen: map[string]sighting{}, said: map[string]string{}, untaken: map[string]lying{}}
	d.status.Store(&DirectoryStatus{Dir: o.Dir, NotTaken: map[Untaken]int{}})
	return d, nil
}

// Close lets go of the directory; nothing may run.
func (d *Directory) Close() error { return d.house.close() }

// Run takes files until ctx is done. Files that an earlier run had claimed come
// first.
func (d *Directory) Run(ctx context.Context) error {
	d.announce()
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

// announce says what becomes of the files that were stored.
func (d *Directory) announce() {
	switch {
	case d.o.Keep == 0:
		d.o.Logger.Info("spool: files are deleted once they are stored", "code", logs.SpoolKeeps, "dir", d.o.Dir, "spool_keep", "0")
	case d.o.Keep < 0:
		d.o.Logger.Info("spool: files that are stored stay in done", "code", logs.SpoolKeeps, "dir", d.o.Dir, "sealed", d.sealed())
	default:
		d.o.Logger.Info("spool: files that are stored stay in done, and are deleted after spool_keep", "code", logs.SpoolKeeps, "dir", d.o.Dir,
			"spool_keep", d.o.Keep, "sealed", d.sealed())
	}
}

// scan deals with what is there and returns when to look again.
func (d *Directory) scan(ctx context.Context) time.Duration {
	if err := d.enter(); err != nil {
		d.once(".", err).Error("spool: directory cannot be used, nothing is taken", "code", logs.SpoolUnusable)
		d.blocked(err)
		return d.o.Poll
	}
	delete(d.said, ".")
	next := d.resume(ctx, anySize)
	names, err := d.dropped()
	if err != nil {
		d.once(".", err).Warn("spool: directory cannot be read", "code", logs.SpoolUnreadable)
		return d.o.Poll
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return next
		}
		if wait := d.takeNew(ctx, name); wait > 0 {
			next = min(next, wait)
		}
	}
	d.tidy()
	d.sealOlder(ctx)
	d.count()
	return next
}

// takeNew claims a dropped file and stores it. It returns when to look at it again; 0: it
// needs no such look.
func (d *Directory) takeNew(ctx context.Context, name string) time.Duration {
	s, ok := d.seen[name]
	if !ok {
		return 0 // taken meanwhile
	}
	if wait := d.complete(name); wait > 0 {
		return wait
	}
	claim, err := d.claim(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // gone again
	}
	if err != nil {
		d.once(name, err).Warn("spool: file cannot be taken", "code", logs.SpoolFileNotTaken)
		d.lies(name, Stuck, s, d.o.Now())
		return 0
	}
	return d.take(ctx, claim)
}

// anySize is the size of no file.
const anySize = math.MaxInt64

// A file holds up others of a small part of its size no longer than it takes to look for
// them, as often as files are looked at, and at most half of the time.
const smallPart = 8

// meanwhile gives, while a file of this size is being stored, what is due beside it:
// storing those that are much smaller.
func (d *Directory) meanwhile(ctx context.Context, claim string, size int64) func() func() {
	if d.inHand != "" { // one beside the other is enough
		return nil
	}
	last := d.o.Now()
	return func() func() {
		if ctx.Err() != nil || d.o.Now().Sub(last) < d.o.Quiet {
			return nil
		}
		return func() {
			d.inHand = claim
			d.takeSmall(ctx, size/smallPart)
			d.inHand = ""
			last = d.o.Now()
		}
	}
}

// takeSmall stores files up to this size, until those that are looked at next are due.
func (d *Directory) takeSmall(ctx context.Context, most int64) {
	until := d.o.Now().Add(d.o.Quiet)
	d.resume(ctx, most)
	names, err := d.dropped()
	if err != nil {
		return // the next scan says so
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		if d.seen[name].size <= most {
			d.takeNew(ctx, name)
		}
		if d.o.Now().After(until) {
			break
		}
	}
	d.count()
}

// enter makes sure that what is about to be used is relay's, and there.
func (d *Directory) enter() error {
	if d.house.moved() {
		h, err := openHouse(d.o.Dir)
		if err != nil {
			return err
		}
		_ = d.house.close()
		d.house = h
		return nil
	}
	return d.house.check()
}

// dropped lists what lies in the directory for us, oldest first, and notes what
// else does.
func (d *Directory) dropped() ([]string, error) {
	entries, err := d.house.list(".")
	if err != nil {
		return nil, err
	}
	type found struct {
		name string
		stamp
	}
	var all []found
	now := d.o.Now()
	still := make(map[string]sighting, len(entries))
	for name, s := range d.seen {
		if strings.HasPrefix(name, workDir+"/") {
			still[name] = s
		}
	}
	for _, e := range entries {
		if ownName(e.Name()) {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue // gone again
		}
		s := d.sight(e.Name(), fi, now)
		still[e.Name()] = s
		if why := untaken(e, fi); why != "" {
			delete(d.untaken, e.Name())
			d.lies(e.Name(), why, s, now)
			continue
		}
		all = append(all, found{e.Name(), s.stamp})
	}
	d.seen = still
	slices.SortFunc(all, func(a, b found) int {
		// A large one holds up those that are there with it no longer than it has to.
		return cmp.Or(cmp.Compare(a.size/largeFile, b.size/largeFile), a.mod.Compare(b.mod), cmp.Compare(a.name, b.name))
	})
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return names, nil
}

// sight compares a file with what it was at the last look.
func (d *Directory) sight(name string, fi fs.FileInfo, now time.Time) sighting {
	s := sighting{stamp{fi.Size(), fi.ModTime()}, now, now, now}
	if old, ok := d.seen[name]; ok {
		s.first = old.first
		if now.Sub(old.since) < 2*unendedFactor*d.o.Quiet {
			s.moves = old.moves
		}
		if old.size == s.size && old.mod.Equal(s.mod) {
			s.since = old.since
		}
	}
	return s
}

// complete returns how long a file has to be left alone yet.
func (d *Directory) complete(name string) time.Duration {
	s := d.seen[name]
	now := d.o.Now()
	delete(d.untaken, name)
	if wait := d.o.Quiet - now.Sub(s.since); wait > 0 {
		d.lies(name, Restless, s, now)
		return wait
	}
	f, err := openFile(d.house.root, name)
	switch {
	case errors.Is(err, fs.ErrPermission): // its owner cannot give the right once it is claimed
		d.lies(name, Unreadable, s, now)
		return d.o.Poll
	case errors.Is(err, fs.ErrNotExist):
		return d.o.Poll
	case err != nil:
		d.once(name, err).Warn("spool: file cannot be taken", "code", logs.SpoolFileNotTaken)
		d.lies(name, Stuck, s, now)
		return d.o.Poll
	}
	defer f.Close()
	if beingWritten(f) {
		d.lies(name, Open, s, now)
		return d.o.Quiet
	}
	if wait := unendedFactor*d.o.Quiet - now.Sub(s.since); wait > 0 && !ended(f, s.size) && !strings.HasSuffix(strings.ToLower(name), ".gz") {
		d.lies(name, Restless, s, now)
		return wait
	}
	return 0
}

// ended tells whether the last line of a file has an end.
func ended(f interface {
	ReadAt(p []byte, off int64) (int, error)
}, size int64,
) bool {
	tail := make([]byte, min(2, size))
	n, _ := f.ReadAt(tail, size-int64(len(tail)))
	return strings.ContainsAny(string(tail[:n]), "\r\n")
}

// once returns a logger for a fault: one that writes nothing when the same
// fault was logged last. A file's name may be that of a person: its shape is logged.
func (d *Directory) once(about string, err error) *slog.Logger {
	var at *fs.PathError
	var link *os.LinkError
	switch { // their words would name the file, and the claim that it is tried with
	case errors.As(err, &at):
		err = fmt.Errorf("%s: %w", at.Op, at.Err)
	case errors.As(err, &link):
		err = fmt.Errorf("%s: %w", link.Op, link.Err)
	}
	return d.onceFor(about, err.Error()).With("err", err)
}

func (d *Directory) onceFor(about, said string) *slog.Logger {
	if d.said[about] == said {
		return slog.New(slog.DiscardHandler)
	}
	d.said[about] = said
	log := d.o.Logger.With("dir", d.o.Dir)
	at := about
	if claim, ok := strings.CutPrefix(about, workDir+"/"); ok {
		claim, file, _ := strings.Cut(claim, "/")
		if log = log.With("claim", claim); file == "" {
			return log
		}
		about = strings.TrimPrefix(file, fileName)
	}
	if about != "." {
		return log.With("file", d.shown(about, at))
	}
	return log
}
