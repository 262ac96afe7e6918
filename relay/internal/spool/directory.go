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
	"relay/mapper"
	"relay/relay/internal/spool/rows"
	"relay/relay/internal/track"
)

// DirectoryOptions configures a Directory. Dir and Queue are required.
type DirectoryOptions struct {
	Dir            string
	Layout         rows.Layout // of tables
	Queue          Appender
	Mapping        func() *mapper.Mapping // see Options
	Unsent         bool                   // see Options
	FingerprintKey track.FingerprintKey
	MaxEventBytes  int

	Notify     <-chan struct{} // a file could have been dropped: scan now
	Poll       time.Duration   // interval of scans; default 10 s
	Quiet      time.Duration   // how long a file must be unchanged; five times that if its last line has no line end; default 2 s
	CrashDelay time.Duration   // after a crash, how long after the start its file waits, twice as long after the second; default 2 s
	Keep       time.Duration   // how long done files are kept; 0: deleted at once, negative: for ever
	Seal       *seal.Ring      // seals kept files; nil: they are not sealed

	// Stored is called for each file that has been stored or refused.
	Stored func(Report)
	Logger *slog.Logger
	Now    func() time.Time
}

// Directory stores files that are dropped into a directory.
type Directory struct {
	o       DirectoryOptions
	dir     *spoolDir
	turn    scanLock
	started time.Time
	seen    map[string]sighting // by path: files and directories at the last scan
	logged  map[string]string   // the last fault logged for a file, to log it once
	status  atomic.Pointer[DirectoryStatus]

	untaken  map[string]untaken // by path or claim: files that are not taken, after their grace time
	sealedBy uint32             // the key with which unsealed kept files were sealed; 0: none

	current string    // the claim that is being stored while other files are taken; "": none
	recount time.Time // when the status is next updated during a scan
}

// sighting is the state of a file and since when it is unchanged.
type sighting struct {
	stamp
	since time.Time
	first time.Time // when it was first seen
	moves time.Time // since when it keeps changing
}

// unendedFactor is how much longer a file must be unchanged if its last line has no line end.
const unendedFactor = 5

// maxDropped is the size limit of a dropped file, packed and unpacked. Files of largeFile and
// more come after smaller ones.
const (
	maxDropped = 8 << 30
	largeFile  = 64 << 20
)

// maxCrashes is how often the process can end while it reads a file.
const maxCrashes = 3

// NewDirectory opens the directory, and creates it and its subdirectories if needed.
func NewDirectory(o DirectoryOptions) (*Directory, error) {
	if o.Dir == "" || o.Queue == nil {
		return nil, errors.New("set up spool: no directory or no queue")
	}
	o.Poll = cmp.Or(o.Poll, 10*time.Second)
	o.CrashDelay = cmp.Or(o.CrashDelay, 2*time.Second)
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
	h, err := openSpoolDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("set up spool: %w", err)
	}
	d := &Directory{o: o, dir: h, started: o.Now(), seen: map[string]sighting{}, logged: map[string]string{}, untaken: map[string]untaken{}}
	d.status.Store(&DirectoryStatus{Dir: o.Dir, NotTaken: map[Reason]int{}})
	return d, nil
}

// Close releases the directory. The caller has stopped Run.
func (d *Directory) Close() error { return d.dir.close() }

// Run takes files until ctx is done. Files that an earlier run claimed come first.
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

// announce logs what happens to stored files.
func (d *Directory) announce() {
	switch {
	case d.o.Keep == 0:
		d.o.Logger.Info("spool: stored files are deleted at once", "code", logs.SpoolKeeps, "dir", d.o.Dir, "spool_keep", "0")
	case d.o.Keep < 0:
		d.o.Logger.Info("spool: stored files are kept in done", "code", logs.SpoolKeeps, "dir", d.o.Dir, "sealed", d.sealed())
	default:
		d.o.Logger.Info("spool: stored files are kept in done and deleted after spool_keep", "code", logs.SpoolKeeps, "dir", d.o.Dir,
			"spool_keep", d.o.Keep, "sealed", d.sealed())
	}
}

// scan processes the files in the directory and returns when to scan again.
func (d *Directory) scan(ctx context.Context) time.Duration {
	if err := d.ensure(); err != nil {
		d.onceLogger(".", err).Error("spool: cannot use directory, no files are taken", "code", logs.SpoolUnusable)
		d.blocked(err)
		return d.o.Poll
	}
	delete(d.logged, ".")
	next := d.resume(ctx, anySize)
	names, err := d.dropped()
	if err != nil {
		d.onceLogger(".", err).Warn("spool: cannot read directory", "code", logs.SpoolUnreadable)
		return d.o.Poll
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return next
		}
		if wait := d.takeFile(ctx, name); wait > 0 {
			next = min(next, wait)
		}
	}
	d.deleteExpired()
	d.sealUnsealed(ctx)
	d.count()
	return next
}

// takeFile claims and stores a dropped file. It returns when to look at it again; 0: not needed.
func (d *Directory) takeFile(ctx context.Context, name string) time.Duration {
	s, ok := d.seen[name]
	if !ok {
		return 0 // already taken
	}
	if wait := d.complete(name); wait > 0 {
		return wait
	}
	claim, err := d.claim(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0 // gone again
	}
	if err != nil {
		d.onceLogger(name, err).Warn("spool: cannot take file", "code", logs.SpoolFileNotTaken)
		d.notTaken(name, Stuck, s, d.o.Now())
		return 0
	}
	return d.storeClaimed(ctx, claim)
}

// anySize is larger than any file.
const anySize = math.MaxInt64

// smallPart: while a file is stored, files of at most this fraction of its size are taken too.
// They are looked for once per Quiet, for at most half of the time.
const smallPart = 8

// meanwhile returns the Options.Meanwhile for a file of this size: it stores much smaller files.
func (d *Directory) meanwhile(ctx context.Context, claim string, size int64) func() func() {
	if d.current != "" { // not nested
		return nil
	}
	last := d.o.Now()
	return func() func() {
		if ctx.Err() != nil || d.o.Now().Sub(last) < d.o.Quiet {
			return nil
		}
		return func() {
			d.current = claim
			d.takeSmall(ctx, size/smallPart)
			d.current = ""
			last = d.o.Now()
		}
	}
}

// takeSmall stores files up to this size, for at most the time Quiet.
func (d *Directory) takeSmall(ctx context.Context, most int64) {
	until := d.o.Now().Add(d.o.Quiet)
	d.resume(ctx, most)
	names, err := d.dropped()
	if err != nil {
		return // the next scan reports it
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		if d.seen[name].size <= most {
			d.takeFile(ctx, name)
		}
		if d.o.Now().After(until) {
			break
		}
	}
	d.count()
}

// ensure makes sure that the directories exist and belong to relay.
func (d *Directory) ensure() error {
	if d.dir.moved() {
		h, err := openSpoolDir(d.o.Dir)
		if err != nil {
			return err
		}
		_ = d.dir.close()
		d.dir = h
		return nil
	}
	return d.dir.check()
}

// dropped lists the files to take, oldest first, and records the others.
func (d *Directory) dropped() ([]string, error) {
	entries, err := d.dir.list(".")
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
		s := d.observe(e.Name(), fi, now)
		still[e.Name()] = s
		if why := whyNotTaken(e, fi); why != "" {
			delete(d.untaken, e.Name())
			d.notTaken(e.Name(), why, s, now)
			continue
		}
		all = append(all, found{e.Name(), s.stamp})
	}
	d.seen = still
	slices.SortFunc(all, func(a, b found) int {
		// A large file must not delay files that are already there.
		return cmp.Or(cmp.Compare(a.size/largeFile, b.size/largeFile), a.mod.Compare(b.mod), cmp.Compare(a.name, b.name))
	})
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return names, nil
}

// observe compares a file with its state at the last scan.
func (d *Directory) observe(name string, fi fs.FileInfo, now time.Time) sighting {
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

// complete returns how much longer a file must be left alone.
func (d *Directory) complete(name string) time.Duration {
	s := d.seen[name]
	now := d.o.Now()
	delete(d.untaken, name)
	if wait := d.o.Quiet - now.Sub(s.since); wait > 0 {
		d.notTaken(name, Changing, s, now)
		return wait
	}
	f, err := openFile(d.dir.root, name)
	switch {
	case errors.Is(err, fs.ErrPermission): // once claimed, its owner could not grant access any more
		d.notTaken(name, Unreadable, s, now)
		return d.o.Poll
	case errors.Is(err, fs.ErrNotExist):
		return d.o.Poll
	case err != nil:
		d.onceLogger(name, err).Warn("spool: cannot take file", "code", logs.SpoolFileNotTaken)
		d.notTaken(name, Stuck, s, now)
		return d.o.Poll
	}
	defer f.Close()
	if beingWritten(f) {
		d.notTaken(name, Open, s, now)
		return d.o.Quiet
	}
	if wait := unendedFactor*d.o.Quiet - now.Sub(s.since); wait > 0 && !ended(f, s.size) && !strings.HasSuffix(strings.ToLower(name), ".gz") {
		d.notTaken(name, Changing, s, now)
		return wait
	}
	return 0
}

// ended reports whether the last line of a file has a line end.
func ended(f interface {
	ReadAt(p []byte, off int64) (int, error)
}, size int64,
) bool {
	tail := make([]byte, min(2, size))
	n, _ := f.ReadAt(tail, size-int64(len(tail)))
	return strings.ContainsAny(string(tail[:n]), "\r\n")
}

// onceLogger returns a logger for a fault, which discards the message if the same fault was
// logged last for this file. File names can be personal: the log shows their shape.
func (d *Directory) onceLogger(about string, err error) *slog.Logger {
	var at *fs.PathError
	var link *os.LinkError
	switch { // their text would contain the file name and the claim
	case errors.As(err, &at):
		err = fmt.Errorf("%s: %w", at.Op, at.Err)
	case errors.As(err, &link):
		err = fmt.Errorf("%s: %w", link.Op, link.Err)
	}
	return d.onceLoggerFor(about, err.Error()).With("err", err)
}

func (d *Directory) onceLoggerFor(about, said string) *slog.Logger {
	if d.logged[about] == said {
		return slog.New(slog.DiscardHandler)
	}
	d.logged[about] = said
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
