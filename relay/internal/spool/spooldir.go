package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"relay/internal/disk"
)

// Names below the spool directory.
const (
	workDir    = ".work"   // claimed files, each in a directory of its own
	doneDir    = "done"    // completely stored
	refusedDir = "refused" // files without a usable row, and reports of refused rows

	stateName  = "state.json"
	reportName = "report.jsonl"
	fileName   = "file-" // followed by the name under which it was dropped
)

// spoolDir is the spool directory. A user who can drop files can also put links and directories
// in the place of relay's: it is only accessed through root, which does not leave it, and
// relay's directories are checked before they are used.
type spoolDir struct {
	path string
	root *os.Root
}

func openSpoolDir(dir string) (*spoolDir, error) {
	if err := os.MkdirAll(dir, 0o770); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	h := &spoolDir{path: dir, root: root}
	if err := h.check(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := h.clean(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return h, nil
}

// Access returns the first of relay's directories or claimed files in a spool directory, or
// directory on the way to them, that this process cannot use, with a command that fixes it; nil:
// it can use all. The command leaves the spool directory to the user who owns it, who drops files.
func Access(dir string) (refused *disk.AccessError, fix string) {
	refused = disk.Access(dir, func(name string, _ fs.DirEntry) bool {
		return name == doneDir || name == refusedDir || name == workDir || strings.HasPrefix(name, workDir+"/")
	})
	switch {
	case refused == nil:
		return nil, ""
	case refused.Path == refused.Dir && refused.Owner != os.Geteuid():
		return refused, fmt.Sprintf("sudo setfacl -m u:%d:rwx %s", os.Geteuid(), disk.ShellWord(dir))
	}
	if rel, err := filepath.Rel(refused.Dir, refused.Path); err == nil && filepath.IsLocal(rel) && rel != "." {
		top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		refused.Dir = filepath.Join(refused.Dir, top)
	}
	return refused, refused.Fix()
}

// clean removes temporary files that a crash left beside kept files. Those of a claim are removed
// with it.
func (h *spoolDir) clean() error {
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

func (h *spoolDir) close() error { return h.root.Close() }

// moved reports whether another directory is now at this path.
func (h *spoolDir) moved() bool {
	now, err := os.Stat(h.path)
	if err != nil {
		return true
	}
	was, err := h.root.Stat(".")
	return err != nil || !os.SameFile(now, was)
}

// check creates relay's own directories if needed and checks that they belong to relay.
func (h *spoolDir) check() error {
	setSticky(h.root)
	for _, sub := range []string{workDir, doneDir, refusedDir} {
		if err := h.root.Mkdir(sub, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		fi, err := h.root.Lstat(sub)
		switch {
		case err != nil:
			return err
		case !fi.IsDir():
			return fmt.Errorf("%s in the spool directory is not a directory and was not created by relay: remove it", sub)
		case !disk.Own(fi):
			return fmt.Errorf("%s in the spool directory belongs to another user and was not created by relay: remove it", sub)
		case disk.Rights(fi)&0o077 != 0:
			if err := h.root.Chmod(sub, 0o700); err != nil {
				return err
			}
		}
	}
	return nil
}

// sync makes the names in directories durable.
func (h *spoolDir) sync(dirs ...string) error {
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, syncIn(h.root, dir))
	}
	return errors.Join(errs...)
}

// list returns the entries of a directory.
func (h *spoolDir) list(dir string) ([]fs.DirEntry, error) {
	f, err := h.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// claimed returns the file in a claim; "" if it has been moved.
func (h *spoolDir) claimed(claim string) (string, error) {
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

// write replaces a file durably.
func (h *spoolDir) write(name string, content func(io.Writer) error) error {
	tmp := name + ".tmp" // a claim has one writer
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

// openFile opens a regular file for reading. Anything else, such as a pipe in its place, is an
// error and does not block.
func openFile(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|noWait, 0)
	if err != nil {
		return nil, err
	}
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return nil, errors.Join(err, f.Close(), errors.New("it is not a regular file any more"))
	}
	return f, nil
}
