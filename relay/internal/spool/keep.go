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

// finish moves the report and the file, in this order, and clears the claim
// away. Interrupted anywhere, it can be done again. It returns where the file is; "": deleted.
func (d *Directory) finish(claim, file, name, to string) (at string, err error) {
	id := path.Base(claim)
	report := path.Join(claim, reportName)
	if err := d.keep(report, path.Join(refusedDir, name+"."+id+".jsonl"), path.Join(refusedDir, id+".jsonl")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if to == doneDir && d.o.Keep == 0 {
		if err := d.house.root.Remove(file); err != nil {
			return "", err
		}
	} else {
		at = path.Join(to, name)
		if _, err := d.house.root.Lstat(at); err == nil { // one of that name that was there before stays
			at += "." + id
		}
		if err := d.keep(file, at, path.Join(to, id)); err != nil {
			return "", err
		}
		if d.sealed() {
			at = path.Join(to, id+sealed.Suffix)
		}
	}
	if err := d.house.sync(refusedDir, to, claim); err != nil {
		return "", err
	}
	d.clear(claim)
	return at, nil
}

// namesReport tells the name of a report in refused from that of a file.
func namesReport(name string) bool {
	stem, ok := strings.CutSuffix(strings.TrimSuffix(name, sealed.Suffix), ".jsonl")
	return ok && isClaim(stem[strings.LastIndex(stem, ".")+1:])
}

// keep moves a file out of its claim. Where the queue is sealed it is, too, and its name
// with it, which may be a person's: then it lies under another one.
func (d *Directory) keep(from, to, hidden string) error {
	root := d.house.root
	if _, err := root.Lstat(from); err != nil {
		return err
	}
	if d.sealed() {
		return d.copy(from, hidden+sealed.Suffix, func(w io.Writer, r io.Reader) error { return sealed.Write(w, r, path.Base(to), d.o.Seal) })
	}
	// Keep counts from here, by the time of the file, which only its owner can set:
	// that of another user is copied.
	now := d.o.Now()
	if err := root.Chtimes(from, now, now); err != nil {
		return d.copy(from, to, func(w io.Writer, r io.Reader) error {
			_, err := io.Copy(w, r)
			return err
		})
	}
	return root.Rename(from, to)
}

// copy writes to as from says, and removes from. Done again after a crash, to is
// written anew.
func (d *Directory) copy(from, to string, as func(io.Writer, io.Reader) error) error {
	root := d.house.root
	in, err := openFile(root, from)
	if err != nil {
		return err
	}
	defer in.Close()
	tmp := path.Join(path.Dir(from), "copy")
	if err := d.house.write(tmp, func(w io.Writer) error { return as(w, in) }); err != nil {
		return err
	}
	now := d.o.Now()
	if err := errors.Join(root.Chtimes(tmp, now, now), root.Rename(tmp, to), d.house.sync(path.Dir(to))); err != nil {
		return err
	}
	_ = in.Close() // there are systems where an open file cannot be removed
	return root.Remove(from)
}

func (d *Directory) sealed() bool { return d.o.Seal != nil && d.o.Seal.Keys().Current() != 0 }

// tidy removes done files that have been kept long enough.
func (d *Directory) tidy() {
	if d.o.Keep < 0 {
		return
	}
	entries, err := d.house.list(doneDir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && d.o.Now().Sub(fi.ModTime()) > d.o.Keep {
			if err := d.house.root.Remove(path.Join(doneDir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				d.once(doneDir, err).Warn("spool: file that was kept long enough cannot be deleted", "code", logs.SpoolNotDeleted)
			}
		}
	}
}

// sealOlder seals what has stayed from before there was a key, once for each key. What
// cannot be is tried again at the next look.
func (d *Directory) sealOlder(ctx context.Context) {
	if !d.sealed() || d.sealedBy == d.o.Seal.Keys().Current() {
		return
	}
	by, n, failed := d.o.Seal.Keys().Current(), 0, 0
	for _, dir := range []string{doneDir, refusedDir} {
		entries, err := d.house.list(dir)
		if err != nil {
			d.once(dir, err).Warn("spool: files of before there was a key cannot be sealed", "code", logs.SpoolNotSealed)
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
				d.once(dir, err).Warn("spool: files of before there was a key cannot be sealed", "code", logs.SpoolNotSealed)
				continue
			}
			n++
		}
	}
	if failed == 0 {
		d.sealedBy = by
	}
	if n > 0 {
		d.o.Logger.Info("spool: files that stayed from before there was a key are sealed", "code", logs.SpoolSealed, "files", n)
	}
}

// sealOne puts a sealed file in the place of a plain one, of its age. Done again after a
// crash it is written under the same name, which says nothing without the installation's key.
func (d *Directory) sealOne(dir string, e fs.DirEntry) error {
	name := e.Name()
	from := path.Join(dir, name)
	in, err := openFile(d.house.root, from)
	if err != nil {
		return unnamed(err)
	}
	defer in.Close()
	fi, err := in.Stat()
	if err != nil {
		return unnamed(err)
	}
	hidden := fmt.Sprintf("%016x", d.o.PrintKey.Whole([]byte(from)))
	if namesReport(name) {
		stem := strings.TrimSuffix(name, ".jsonl")
		hidden = stem[strings.LastIndex(stem, ".")+1:] + ".jsonl"
	}
	to := path.Join(dir, hidden+sealed.Suffix)
	err = replaceWith(d.house.root, to, 0o600, fi.ModTime(), func(w io.Writer) error { return sealed.Write(w, in, name, d.o.Seal) })
	if err == nil {
		err = d.house.sync(dir)
	}
	_ = in.Close() // there are systems where an open file cannot be removed
	if err == nil {
		err = errors.Join(d.house.root.Remove(from), d.house.sync(dir))
	}
	return unnamed(err)
}
