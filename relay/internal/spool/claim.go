package spool

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"relay/internal/disk"
	"relay/internal/logs"
)

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
	return claim, errors.Join(disk.SyncDir(claim), disk.SyncDir(filepath.Dir(claim)), disk.SyncDir(d.o.Dir))
}

// resume goes on with the files that are claimed already.
func (d *Directory) resume(ctx context.Context) {
	work := filepath.Join(d.o.Dir, workDir)
	claims, err := os.ReadDir(work)
	if err != nil {
		d.once(workDir, err).Warn("spool: directory cannot be read", "code", logs.SpoolUnreadable)
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
		d.once(claim, err).Warn("spool: claimed file cannot be found", "code", logs.SpoolFileNotFound)
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
		d.once(claim, err).Warn("spool: file cannot be stored yet", "code", logs.SpoolFileNotStored)
		return
	}
	if to == refusedDir {
		if err := explain(filepath.Join(claim, reportName), err); err != nil {
			d.once(claim, err).Warn("spool: report cannot be written yet", "code", logs.SpoolReportNotWritten)
			return
		}
	}
	if err := d.finish(claim, path, name, to); err != nil {
		d.once(claim, err).Warn("spool: file cannot be moved yet", "code", logs.SpoolFileNotMoved)
		return
	}
	delete(d.said, claim)
	log := d.o.Logger.With("rows", rep.Rows, "stored", rep.Stored, "duplicates", rep.Duplicates, "id_conflicts", rep.Conflicts, "refused", rep.Refused, "ignored", rep.Ignored)
	switch {
	case to == refusedDir:
		log.Error("spool: file refused", "code", logs.SpoolFileRefused, "file", name, "err", firstLine(err))
	case rep.Refused > 0:
		log.Warn("spool: file stored, some rows refused", "code", logs.SpoolRowsRefused, "file", name)
	default:
		log.Info("spool: file stored", "code", logs.SpoolFileStored, "file", name)
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
	if check, ok := errors.AsType[*CheckError](why); ok {
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
		// A claim is ours alone: what is regular now stays so.
		fi, err := os.Lstat(path)
		if err != nil {
			return Report{}, err
		}
		if !fi.Mode().IsRegular() {
			return Report{}, &FormatError{errors.New("no regular file")}
		}
		f, err := os.Open(path)
		if err != nil {
			return Report{}, err
		}
		received := fi.ModTime() // when the till wrote it
		if now := d.o.Now(); received.After(now) {
			received = now
		}
		rep, err := Import(ctx, f, Options{
			Queue: d.o.Queue, Route: d.o.Route, PrintKey: d.o.PrintKey, MaxEventBytes: d.o.MaxEventBytes,
			Name: path, SkipBad: true, Undated: true, Received: received, Growing: true, Final: true,
			Key:   "spool-" + filepath.Base(claim),
			State: StateFile(filepath.Join(claim, stateName)), ReportFile: filepath.Join(claim, reportName),
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
	if err := errors.Join(disk.SyncDir(filepath.Join(d.o.Dir, refusedDir)), disk.SyncDir(filepath.Join(d.o.Dir, to)), disk.SyncDir(claim)); err != nil {
		return err
	}
	d.clear(claim)
	return nil
}

func (d *Directory) clear(claim string) {
	for _, f := range []string{stateName, reportName} {
		_ = os.Remove(filepath.Join(claim, f))
	}
	_ = disk.Clean(claim)
	if err := os.Remove(claim); err != nil {
		d.once(claim, err).Warn("spool: claim cannot be removed", "code", logs.SpoolClaimNotRemoved)
	}
}
