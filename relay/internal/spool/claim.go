package spool

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"relay/internal/logs"
	"relay/relay/internal/spool/rows"
)

// claim moves a dropped file to where no other program touches it, under a random name from
// which its rows' ids are made.
func (d *Directory) claim(name string) (string, error) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	claim := path.Join(workDir, hex.EncodeToString(b[:]))
	root := d.dir.root
	if err := root.Mkdir(claim, 0o700); err != nil {
		return "", err
	}
	to := path.Join(claim, fileName+keptName(name))
	if err := root.Rename(name, to); err != nil {
		_ = root.Remove(claim)
		return "", err
	}
	d.seen[to] = d.seen[name] // it is already known to be complete
	delete(d.seen, name)
	return claim, d.dir.sync(claim, workDir, ".")
}

// isClaim reports whether text has the form of a claim's name.
func isClaim(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789abcdef") == ""
}

// maxKeptName is the maximum length of a kept name in bytes. Names derived from it must fit into
// a file system.
const maxKeptName = 160

// keptName returns the name under which a file is kept: characters that are invisible or cannot
// be typed become _, and a long name is cut but keeps its extension.
func keptName(name string) string {
	end := extOf(name)
	if strings.HasSuffix(strings.ToLower(name), ".gz") {
		end += ".gz"
	}
	kind := name[len(name)-len(end):]
	stem := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) || r == '\\' {
			return '_'
		}
		return r
	}, name[:len(name)-len(end)])
	if strings.HasPrefix(stem, "-") {
		stem = "_" + stem[1:]
	}
	for most := maxKeptName - len(kind); len(stem) > most; {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + kind
}

// resume continues with claimed files of at most this size, smallest first, and returns when to
// look at one of them again.
func (d *Directory) resume(ctx context.Context, most int64) time.Duration {
	next := d.o.Poll
	entries, err := d.dir.list(workDir)
	if err != nil {
		d.onceLogger(workDir, err).Warn("spool: cannot read directory", "code", logs.SpoolUnreadable)
		return next
	}
	type held struct {
		claim string
		size  int64
	}
	var all []held
	for _, c := range entries {
		h := held{claim: path.Join(workDir, c.Name())}
		if !c.IsDir() || h.claim == d.current {
			continue
		}
		if file, err := d.dir.claimed(h.claim); err == nil && file != "" {
			if fi, err := d.dir.root.Lstat(file); err == nil {
				h.size = fi.Size()
			}
		}
		if h.size <= most {
			all = append(all, h)
		}
	}
	slices.SortFunc(all, func(a, b held) int { return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.claim, b.claim)) })
	for _, h := range all {
		if ctx.Err() != nil {
			break
		}
		if wait := d.storeClaimed(ctx, h.claim); wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// storeClaimed stores a claimed file and moves it to its place. It returns how long to wait for
// a writer that could still have it open; 0: not at all.
func (d *Directory) storeClaimed(ctx context.Context, claim string) time.Duration {
	file, err := d.dir.claimed(claim)
	if err != nil {
		d.onceLogger(claim, err).Warn("spool: cannot find claimed file", "code", logs.SpoolFileNotFound)
		return 0
	}
	if file == "" { // already moved: only the claim is left
		d.clear(claim)
		return 0
	}
	rep, verdict, wait := d.storeFile(ctx, claim, file)
	if verdict == nil || ctx.Err() != nil && verdict.to != doneDir {
		return wait // the claim stays
	}
	if verdict.to == refusedDir {
		if err := d.explain(claim, verdict); err != nil { //nolint:contextcheck // a report is written completely, also while stopping
			d.onceLogger(claim, err).Warn("spool: cannot write report yet", "code", logs.SpoolReportNotWritten)
			d.notTaken(claim, Stuck, d.seen[file], d.o.Now())
			return 0
		}
	}
	name := strings.TrimPrefix(path.Base(file), fileName)
	at, err := d.finish(claim, file, name, verdict.to)
	if err != nil {
		d.onceLogger(claim, err).Warn("spool: cannot move file yet", "code", logs.SpoolFileNotMoved)
		d.notTaken(claim, Stuck, d.seen[file], d.o.Now())
		return 0
	}
	delete(d.logged, claim)
	delete(d.seen, file)
	log := d.o.Logger.With("file", d.shown(name, at), "claim", path.Base(claim),
		"rows", rep.Rows, "stored", rep.Stored, "duplicates", rep.Duplicates, "changed", rep.Changed, "id_conflicts", rep.Conflicts, "refused", rep.Refused, "ignored", rep.Ignored)
	switch {
	case verdict.crashed:
		log.Error("spool: file quarantined: relay crashed each time it read it", "code", logs.SpoolQuarantined, "times", maxCrashes)
	case verdict.to == refusedDir:
		log.Error("spool: file refused", "code", logs.SpoolFileRefused, "err", public(verdict.why))
	case rep.Refused > 0:
		log.Warn("spool: file stored, some rows refused", "code", logs.SpoolRowsRefused)
	default:
		log.Info("spool: file stored", "code", logs.SpoolFileStored)
	}
	d.o.Stored(rep)
	d.countAgain()
	return 0
}

// verdict is where a file is moved to, and why.
type verdict struct {
	to      string
	why     error
	crashed bool
}

// storeFile stores a claimed file. Without a verdict the caller tries again, after wait if it is
// not 0.
//
// Invariant: a stored file is moved to done only if it is unchanged since before and no program
// is known to have it open for writing.
func (d *Directory) storeFile(ctx context.Context, claim, file string) (rep Report, _ *verdict, wait time.Duration) {
	root := d.dir.root
	fi, err := root.Lstat(file)
	if err == nil && !fi.Mode().IsRegular() {
		return rep, &verdict{to: refusedDir, why: errors.New("not a regular file")}, 0
	}
	now := d.o.Now()
	delete(d.untaken, claim)
	var s sighting
	if err == nil {
		s = d.observe(file, fi, now)
		d.seen[file] = s
		if wait := d.o.Quiet - now.Sub(s.since); wait > 0 {
			d.notTaken(claim, Changing, s, now)
			return rep, nil, wait
		}
	}
	st, failed := loadState(ctx, d.state(claim), "spool-"+path.Base(claim))
	if err = errors.Join(err, failed); err == nil && st.Tries > 0 && st.Tries < maxCrashes {
		// The crash could have another cause than this file: all other files go first.
		if wait := d.o.CrashDelay*time.Duration(st.Tries) - now.Sub(d.started); wait > 0 {
			return rep, nil, wait
		}
	}
	var f io.ReadSeekCloser
	if err == nil {
		f, err = openFile(root, file)
	}
	if err != nil {
		d.onceLogger(claim, err).Warn("spool: cannot store file yet", "code", logs.SpoolFileNotStored)
		d.notTaken(claim, Stuck, s, now)
		return rep, nil, 0
	}
	long := unendedFactor*d.o.Quiet - now.Sub(s.since)
	received := s.mod // when the till wrote it
	if received.After(now) {
		received = now
	}
	rep, err = Import(ctx, f, Options{
		Queue: d.o.Queue, Mapping: d.o.Mapping, Unsent: d.o.Unsent, FingerprintKey: d.o.FingerprintKey, MaxEventBytes: d.o.MaxEventBytes, MaxFileBytes: maxDropped,
		Name: file, Layout: d.o.Layout, SkipBad: true, UndatedFiles: true, Received: received, Growing: true, Final: long <= 0,
		Key: "spool-" + path.Base(claim), MaxCrashes: maxCrashes,
		Meanwhile: d.meanwhile(ctx, claim, s.size),
		State:     d.state(claim), ReportFile: path.Join(claim, reportName), ReportIn: root,
		Logger: d.o.Logger, Now: d.o.Now,
	})
	_ = f.Close()
	var check *CheckError
	var format *rows.FormatError
	var unfit *UnfitError
	switch {
	case err == nil:
		if after, err := root.Lstat(file); err != nil || after.Size() != s.size || !after.ModTime().Equal(s.mod) {
			d.notTaken(claim, Changing, s, now)
			return rep, nil, max(d.o.Quiet, time.Millisecond)
		}
		if d.openForWriting(file) {
			d.notTaken(claim, Open, s, now)
			return rep, nil, max(d.o.Quiet, time.Millisecond)
		}
		return rep, &verdict{to: doneDir}, 0
	case errors.Is(err, ErrCrashes):
		return rep, &verdict{to: refusedDir, why: err, crashed: true}, 0
	case errors.Is(err, ErrUnfinished), errors.Is(err, rows.ErrChanged):
		d.notTaken(claim, Changing, s, now)
		return rep, nil, max(long, d.o.Quiet, time.Millisecond)
	case errors.As(err, &check), errors.As(err, &format):
		if cut := check != nil && check.Checked == 0 || format != nil && format.Cut; cut && long > 0 { // the rest could still arrive
			return rep, nil, long
		}
		return rep, &verdict{to: refusedDir, why: err}, 0
	case errors.As(err, &unfit):
		return rep, &verdict{to: refusedDir, why: err}, 0
	case ctx.Err() != nil:
		return rep, nil, 0 // left for the next run
	}
	d.onceLogger(claim, err).Warn("spool: cannot store file yet", "code", logs.SpoolFileNotStored)
	d.notTaken(claim, Stuck, s, d.o.Now())
	return rep, nil, 0
}

func (d *Directory) openForWriting(file string) bool {
	f, err := openFile(d.dir.root, file)
	if err != nil {
		return false
	}
	defer f.Close()
	return beingWritten(f)
}

// explain appends the reason why a file was refused to its report. Repeated after a crash, it is
// written once.
func (d *Directory) explain(claim string, v *verdict) error {
	name := path.Join(claim, reportName)
	var before []byte
	st, err := loadState(context.Background(), d.state(claim), "spool-"+path.Base(claim))
	if err != nil {
		return err
	}
	if before, err = d.dir.root.ReadFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before = before[:min(int64(len(before)), st.Report)]
	problems := []rows.Problem{{Code: "unreadable_file", Message: v.why.Error()}}
	if check, ok := errors.AsType[*CheckError](v.why); ok && check.Checked > 0 {
		problems[0] = rows.Problem{Code: "unusable_rows", Message: firstLine(v.why)}
		problems = append(problems, check.Problems...)
	}
	if errors.As(v.why, new(*UnfitError)) {
		problems[0].Code = "unfit_mapping"
	}
	if v.crashed {
		stored := "its sales are not stored"
		if st.Rows > 0 {
			stored = fmt.Sprintf("the first %d rows are processed, those after them are not stored (drop only these again)", st.Rows)
		}
		problems[0] = rows.Problem{Code: "quarantined", Message: fmt.Sprintf("relay crashed %d times while it read this file: %s, and it is kept for analysis", maxCrashes, stored)}
	}
	return d.dir.write(name, func(w io.Writer) error {
		if _, err := w.Write(before); err != nil {
			return err
		}
		for _, p := range problems {
			b, err := json.Marshal(p)
			if err == nil {
				_, err = w.Write(append(b, '\n'))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// public returns what the log shows of an error. Text that names rows or columns could be
// personal and is only in the report.
func public(err error) string {
	if p, ok := errors.AsType[*rows.PrivateError](err); ok {
		return p.Words + "; see the report"
	}
	return firstLine(err)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// claimState is the State of a claimed file.
type claimState struct {
	dir  *spoolDir
	name string
}

func (d *Directory) state(claim string) State {
	return claimState{d.dir, path.Join(claim, stateName)}
}

func (c claimState) Load(context.Context, string) ([]byte, error) {
	b, err := c.dir.root.ReadFile(c.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (c claimState) Save(_ context.Context, _ string, state []byte) error {
	return c.dir.write(c.name, func(w io.Writer) error {
		_, err := w.Write(state)
		return err
	})
}

func (d *Directory) clear(claim string) {
	if err := d.dir.root.RemoveAll(claim); err != nil {
		d.onceLogger(claim, err).Warn("spool: cannot remove claim", "code", logs.SpoolClaimNotRemoved)
	}
}
