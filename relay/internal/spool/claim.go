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

// claim moves a dropped file where nobody else will touch it, under a random
// name that its rows' ids are made of.
func (d *Directory) claim(name string) (string, error) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	claim := path.Join(workDir, hex.EncodeToString(b[:]))
	root := d.house.root
	if err := root.Mkdir(claim, 0o700); err != nil {
		return "", err
	}
	to := path.Join(claim, fileName+staying(name))
	if err := root.Rename(name, to); err != nil {
		_ = root.Remove(claim)
		return "", err
	}
	d.seen[to] = d.seen[name] // it has been left alone already
	delete(d.seen, name)
	return claim, d.house.sync(claim, workDir, ".")
}

// isClaim says whether a text is the name of a claim.
func isClaim(text string) bool {
	return len(text) == 16 && strings.Trim(text, "0123456789abcdef") == ""
}

// mostName is how many bytes a name may have that stays, so that the names which are made
// of it have room in a file system.
const mostName = 160

// staying is the name under which a file stays: what nobody can see or type in a name is _
// there, and of one that is too long the beginning and its kind.
func staying(name string) string {
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
	for most := mostName - len(kind); len(stem) > most; {
		_, n := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-n]
	}
	return stem + kind
}

// resume goes on with the files up to this size that are claimed already, the smallest
// first, and returns when to look at one of them again.
func (d *Directory) resume(ctx context.Context, most int64) time.Duration {
	next := d.o.Poll
	entries, err := d.house.list(workDir)
	if err != nil {
		d.once(workDir, err).Warn("spool: directory cannot be read", "code", logs.SpoolUnreadable)
		return next
	}
	type held struct {
		claim string
		size  int64
	}
	var all []held
	for _, c := range entries {
		h := held{claim: path.Join(workDir, c.Name())}
		if !c.IsDir() || h.claim == d.inHand {
			continue
		}
		if file, err := d.house.claimed(h.claim); err == nil && file != "" {
			if fi, err := d.house.root.Lstat(file); err == nil {
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
		if wait := d.take(ctx, h.claim); wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// take stores a claimed file and moves it to where it stays. It returns how long
// its writer, who may have it open still, is waited for; 0: not at all.
func (d *Directory) take(ctx context.Context, claim string) time.Duration {
	file, err := d.house.claimed(claim)
	if err != nil {
		d.once(claim, err).Warn("spool: claimed file cannot be found", "code", logs.SpoolFileNotFound)
		return 0
	}
	if file == "" { // moved already: what is left is to clear away
		d.clear(claim)
		return 0
	}
	rep, verdict, wait := d.read(ctx, claim, file)
	if verdict == nil || ctx.Err() != nil && verdict.to != doneDir {
		return wait // the claim stays
	}
	if verdict.to == refusedDir {
		if err := d.explain(claim, verdict); err != nil { //nolint:contextcheck // a report is written whole, also at the end
			d.once(claim, err).Warn("spool: report cannot be written yet", "code", logs.SpoolReportNotWritten)
			d.lies(claim, Stuck, d.seen[file], d.o.Now())
			return 0
		}
	}
	name := strings.TrimPrefix(path.Base(file), fileName)
	at, err := d.finish(claim, file, name, verdict.to)
	if err != nil {
		d.once(claim, err).Warn("spool: file cannot be moved yet", "code", logs.SpoolFileNotMoved)
		d.lies(claim, Stuck, d.seen[file], d.o.Now())
		return 0
	}
	delete(d.said, claim)
	delete(d.seen, file)
	log := d.o.Logger.With("file", d.shown(name, at), "claim", path.Base(claim),
		"rows", rep.Rows, "stored", rep.Stored, "duplicates", rep.Duplicates, "changed", rep.Changed, "id_conflicts", rep.Conflicts, "refused", rep.Refused, "ignored", rep.Ignored)
	switch {
	case verdict.deadly:
		log.Error("spool: file is quarantined: relay ended each time it read it", "code", logs.SpoolQuarantined, "times", maxDeaths)
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

// verdict is where a file goes, and why.
type verdict struct {
	to     string
	why    error
	deadly bool
}

// read stores what is in a claimed file. Without a verdict it is to be looked at
// again, after wait when that is not 0.
//
// Invariant: a file whose rows are stored is done only if it is then what it was
// before, and nobody who could still write into it is known of.
func (d *Directory) read(ctx context.Context, claim, file string) (rep Report, _ *verdict, wait time.Duration) {
	root := d.house.root
	fi, err := root.Lstat(file)
	if err == nil && !fi.Mode().IsRegular() {
		return rep, &verdict{to: refusedDir, why: errors.New("no regular file")}, 0
	}
	now := d.o.Now()
	delete(d.untaken, claim)
	var s sighting
	if err == nil {
		s = d.sight(file, fi, now)
		d.seen[file] = s
		if wait := d.o.Quiet - now.Sub(s.since); wait > 0 {
			d.lies(claim, Restless, s, now)
			return rep, nil, wait
		}
	}
	st, failed := loadState(ctx, d.state(claim), "spool-"+path.Base(claim))
	if err = errors.Join(err, failed); err == nil && st.Tries > 0 && st.Tries < maxDeaths {
		// Something ended the process that may well have been no file: whatever
		// else there is goes first.
		if wait := d.o.Doubt*time.Duration(st.Tries) - now.Sub(d.begun); wait > 0 {
			return rep, nil, wait
		}
	}
	var f io.ReadSeekCloser
	if err == nil {
		f, err = openFile(root, file)
	}
	if err != nil {
		d.once(claim, err).Warn("spool: file cannot be stored yet", "code", logs.SpoolFileNotStored)
		d.lies(claim, Stuck, s, now)
		return rep, nil, 0
	}
	long := unendedFactor*d.o.Quiet - now.Sub(s.since)
	received := s.mod // when the till wrote it
	if received.After(now) {
		received = now
	}
	rep, err = Import(ctx, f, Options{
		Queue: d.o.Queue, Route: d.o.Route, ReadTime: d.o.ReadTime, PrintKey: d.o.PrintKey, MaxEventBytes: d.o.MaxEventBytes, MaxFileBytes: maxDropped,
		Name: file, Layout: d.o.Layout, SkipBad: true, UndatedFiles: true, Received: received, Growing: true, Final: long <= 0,
		Key: "spool-" + path.Base(claim), Deaths: maxDeaths,
		Meanwhile: d.meanwhile(ctx, claim, s.size),
		State:     d.state(claim), ReportFile: path.Join(claim, reportName), ReportIn: root,
		Logger: d.o.Logger, Now: d.o.Now,
	})
	_ = f.Close()
	var check *CheckError
	var format *rows.FormatError
	switch {
	case err == nil:
		if after, err := root.Lstat(file); err != nil || after.Size() != s.size || !after.ModTime().Equal(s.mod) {
			d.lies(claim, Restless, s, now)
			return rep, nil, max(d.o.Quiet, time.Millisecond)
		}
		if d.openForWriting(file) {
			d.lies(claim, Open, s, now)
			return rep, nil, max(d.o.Quiet, time.Millisecond)
		}
		return rep, &verdict{to: doneDir}, 0
	case errors.Is(err, ErrDeadly):
		return rep, &verdict{to: refusedDir, why: err, deadly: true}, 0
	case errors.Is(err, ErrUnfinished), errors.Is(err, rows.ErrChanged):
		d.lies(claim, Restless, s, now)
		return rep, nil, max(long, d.o.Quiet, time.Millisecond)
	case errors.As(err, &check), errors.As(err, &format):
		if cut := check != nil && check.Checked == 0 || format != nil && format.Cut; cut && long > 0 { // the rest may be on its way
			return rep, nil, long
		}
		return rep, &verdict{to: refusedDir, why: err}, 0
	case ctx.Err() != nil:
		return rep, nil, 0 // for the next run
	}
	d.once(claim, err).Warn("spool: file cannot be stored yet", "code", logs.SpoolFileNotStored)
	d.lies(claim, Stuck, s, d.o.Now())
	return rep, nil, 0
}

func (d *Directory) openForWriting(file string) bool {
	f, err := openFile(d.house.root, file)
	if err != nil {
		return false
	}
	defer f.Close()
	return beingWritten(f)
}

// explain writes why a file was refused as lines of its report, behind what was
// reported before. Written again after a crash, it is there once.
func (d *Directory) explain(claim string, v *verdict) error {
	name := path.Join(claim, reportName)
	var before []byte
	st, err := loadState(context.Background(), d.state(claim), "spool-"+path.Base(claim))
	if err != nil {
		return err
	}
	if before, err = d.house.root.ReadFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	before = before[:min(int64(len(before)), st.Report)]
	problems := []rows.Problem{{Code: "unreadable_file", Message: v.why.Error()}}
	if check, ok := errors.AsType[*CheckError](v.why); ok && check.Checked > 0 {
		problems[0] = rows.Problem{Code: "unusable_rows", Message: firstLine(v.why)}
		problems = append(problems, check.Problems...)
	}
	if v.deadly {
		problems[0] = rows.Problem{Code: "quarantined", Message: fmt.Sprintf("relay ended %d times while it read this file: it is kept for whoever looks into that, and its sales are not stored", maxDeaths)}
	}
	return d.house.write(name, func(w io.Writer) error {
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

// public is what the log says of a fault. What names rows or columns may be a
// person's, and is in the report alone.
func public(err error) string {
	if p, ok := errors.AsType[*rows.PrivateError](err); ok {
		return p.Words + "; the report says what"
	}
	return firstLine(err)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// claimState is the State of a claimed file.
type claimState struct {
	house *house
	name  string
}

func (d *Directory) state(claim string) State {
	return claimState{d.house, path.Join(claim, stateName)}
}

func (c claimState) Load(context.Context, string) ([]byte, error) {
	b, err := c.house.root.ReadFile(c.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func (c claimState) Save(_ context.Context, _ string, state []byte) error {
	return c.house.write(c.name, func(w io.Writer) error {
		_, err := w.Write(state)
		return err
	})
}

func (d *Directory) clear(claim string) {
	if err := d.house.root.RemoveAll(claim); err != nil {
		d.once(claim, err).Warn("spool: claim cannot be removed", "code", logs.SpoolClaimNotRemoved)
	}
}
