package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"relay/internal/disk"
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

// house is the spool directory. Whoever may drop files into it may put links and
// directories of his own where relay's are: nothing is reached but through root,
// which leads nowhere else, and relay's directories are looked at before they are
// used.
type house struct {
	dir  string
	root *os.Root
}

func openHouse(dir string) (*house, error) {
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	h := &house{dir: dir, root: root}
	if err := h.check(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := h.clean(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return h, nil
}

// clean removes the temporary files that a crash has left beside files that stay. Those
// of a claim go with it.
func (h *house) clean() error {
	for _, dir := range []string{doneDir, refusedDir} {
		entries, err := h.list(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !disk.IsTemp(e.Name()) || e.IsDir() {
				continue
			}
			if err := h.root.Remove(path.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

func (h *house) close() error { return h.root.Close() }

// moved tells that another directory has taken this one's place.
func (h *house) moved() bool {
	now, err := os.Stat(h.dir)
	if err != nil {
		return true
	}
	was, err := h.root.Stat(".")
	return err != nil || !os.SameFile(now, was)
}

// check makes relay's own directories, and makes sure that they are its own.
func (h *house) check() error {
	stick(h.root)
	for _, sub := range []string{workDir, doneDir, refusedDir} {
		if err := h.root.Mkdir(sub, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		fi, err := h.root.Lstat(sub)
		switch {
		case err != nil:
			return err
		case !fi.IsDir():
			return fmt.Errorf("%s in the spool directory is no directory: somebody has put it there; remove it", sub)
		case !disk.Own(fi):
			return fmt.Errorf("%s in the spool directory belongs to another user: somebody has put it there; remove it", sub)
		case disk.Rights(fi)&0o077 != 0:
			if err := h.root.Chmod(sub, 0o700); err != nil {
				return err
			}
		}
	}
	return nil
}

// sync makes the names in directories durable.
func (h *house) sync(dirs ...string) error {
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, syncIn(h.root, dir))
	}
	return errors.Join(errs...)
}

// list are the entries of a directory.
func (h *house) list(dir string) ([]fs.DirEntry, error) {
	f, err := h.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// claimed finds the file in a claim; none if it has been moved.
func (h *house) claimed(claim string) (string, error) {
	entries, err := h.list(claim)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), fileName) {
			return path.Join(claim, e.Name()), nil
		}
	}
	return "", nil
}

// write puts a file in the place of what was there, durably.
func (h *house) write(name string, content func(io.Writer) error) error {
	tmp := name + ".tmp" // a claim has one worker
	f, err := h.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = content(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = h.root.Rename(tmp, name)
	}
	if err != nil {
		_ = h.root.Remove(tmp)
		return err
	}
	return h.sync(path.Dir(name))
}

// openFile opens a file to read. What is none, such as a pipe that was put in its place,
// is an error, and is not waited for.
func openFile(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), errors.New("it is no plain file any more"))
	}
	return f, nil
}
