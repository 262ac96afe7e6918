package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/relay/internal/spool/sealed"
)

// finish moves the report and the file, in this order, and removes the claim. It can be repeated
// after an interruption. It returns the path of the file; "": deleted.
func (d *Directory) finish(claim, file, name, to string) (at string, err error) {
	id := path.Base(claim)
	report := path.Join(claim, reportName)
	if err := d.keep(report, path.Join(refusedDir, name+"."+id+".jsonl"), path.Join(refusedDir, id+".jsonl")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if to == doneDir && d.o.Keep == 0 {
		if err := d.dir.root.Remove(file); err != nil {
			return "", err
		}
	} else {
		at = path.Join(to, name)
		if _, err := d.dir.root.Lstat(at); err == nil { // an older file with the same name stays
			at += "." + id
		}
		if err := d.keep(file, at, path.Join(to, id)); err != nil {
			return "", err
		}
		if d.sealed() {
			at = path.Join(to, id+sealed.Suffix)
		}
	}
	if err := d.dir.sync(refusedDir, to, claim); err != nil {
		return "", err
	}
	d.clear(claim)
	return at, nil
}

// namesReport distinguishes the name of a report in refused from that of a file.
func namesReport(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, sealed.Suffix), ".jsonl")
	return ok && isClaim(stem[strings.LastIndex(stem, ".")+1:])
}

// keep moves a file out of its claim. With encryption it is sealed together with its name, which
// could be personal, and gets the name hidden.
func (d *Directory) keep(from, to, hidden string) error {
	root := d.dir.root
	if _, err := root.Lstat(from); err != nil {
		return err
	}
	if d.sealed() {
		return d.copy(from, hidden+sealed.Suffix, func(w io.Writer, r io.Reader) error { return sealed.Write(w, r, path.Base(to), d.o.Seal) })
	}
	// Retention counts from now, by the file's modification time, which only its owner can
	// set: a file of another user is copied.
	now := d.o.Now()
	if err := root.Chtimes(from, now, now); err != nil {
		return d.copy(from, to, func(w io.Writer, r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
	}
	return root.Rename(from, to)
}

// copy writes the file from to the file to with write, and removes from. Repeated after a crash it
// rewrites to.
func (d *Directory) copy(from, to string, write func(io.Writer, io.Reader) error) error {
	root := d.dir.root
	in, err := openFile(root, from)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp := path.Join(path.Dir(from), "copy")
	if err := d.dir.write(tmp, func(w io.Writer) error { return write(w, in) }); err != nil {
		return err
	}
	now := d.o.Now()
	if err := errors.Join(root.Chtimes(tmp, now, now), root.Rename(tmp, to), d.dir.sync(path.Dir(to))); err != nil {
		return err
	}
	_ = in.Close() // some systems cannot remove an open file
	return root.Remove(from)
}

func (d *Directory) sealed() bool { return d.o.Seal != nil && d.o.Seal.Keys().Current() != 0 }

// deleteExpired deletes done files that have been kept long enough.
func (d *Directory) deleteExpired() {
	if d.o.Keep < 0 {
		return
	}
	entries, err := d.dir.list(doneDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && d.o.Now().Sub(fi.ModTime()) > d.o.Keep {
			if err := d.dir.root.Remove(path.Join(doneDir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				d.onceLogger(doneDir, err).Warn("spool: cannot delete a file after spool_keep", "code", logs.SpoolNotDeleted)
			}
		}
	}
}

// sealUnsealed seals kept files from before there was a key, once per key. Failures are retried at
// the next scan.
func (d *Directory) sealUnsealed(ctx context.Context) {
	if !d.sealed() || d.sealedBy == d.o.Seal.Keys().Current() {
		return
	}
	by, n, failed := d.o.Seal.Keys().Current(), 0, 0
	for _, dir := range []string{doneDir, refusedDir} {
		entries, err := d.dir.list(dir)
		if err != nil {
			d.onceLogger(dir, err).Warn("spool: cannot encrypt kept files from before there was a key", "code", logs.SpoolNotSealed)
			return
		}
		for _, e := range entries {
			if !e.Type().IsRegular() || strings.HasSuffix(e.Name(), sealed.Suffix) || disk.IsTemp(e.Name()) {
				continue
			}
			if ctx.Err() != nil {
				return
			}
			if err := d.sealOne(dir, e); err != nil {
				failed++
				d.onceLogger(dir, err).Warn("spool: cannot encrypt kept files from before there was a key", "code", logs.SpoolNotSealed)
				continue
			}
			n++
		}
	}
	if failed == 0 {
		d.sealedBy = by
	}
	if n > 0 {
		d.o.Logger.Info("spool: encrypted kept files from before there was a key", "code", logs.SpoolSealed, "files", n)
	}
}

// sealOne replaces a plain file by a sealed one with the same modification time. Repeated after a
// crash it uses the same name, which reveals nothing without the installation's key.
func (d *Directory) sealOne(dir string, e fs.DirEntry) error {
	name := e.Name()
	from := path.Join(dir, name)
	in, err := openFile(d.dir.root, from)
	if err != nil {
		return withoutName(err)
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return withoutName(err)
	}
	hidden := fmt.Sprintf("%016x", d.o.FingerprintKey.Whole([]byte(from)))
	if namesReport(name) {
		stem := strings.TrimSuffix(name, ".jsonl")
		hidden = stem[strings.LastIndex(stem, ".")+1:] + ".jsonl"
	}
	to := path.Join(dir, hidden+sealed.Suffix)
	err = replaceWith(d.dir.root, to, 0o600, fi.ModTime(), func(w io.Writer) error { return sealed.Write(w, in, name, d.o.Seal) })
	if err == nil {
		err = d.dir.sync(dir)
	}
	_ = in.Close() // some systems cannot remove an open file
	if err == nil {
		err = errors.Join(d.dir.root.Remove(from), d.dir.sync(dir))
	}
	return withoutName(err)
}
