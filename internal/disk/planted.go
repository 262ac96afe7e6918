package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// PlantedError says that something lies in a directory of this program in the place of a
// file of its own that it has not put there.
type PlantedError struct {
	Path string
	What string // what it is
	Fix  string // what helps
}

func (e *PlantedError) Error() string {
	return fmt.Sprintf("%s %s, which relay does not make and does not touch: %s", e.Path, e.What, e.Fix)
}

// Planted looks at what lies in dir under names of this program's own, before any of it
// is opened: a *PlantedError for a link, a pipe, a hard link to a file that lies elsewhere,
// a file in the place of a folder, and for what another user owns who is neither root nor
// the owner of dir. Nothing is changed or followed. own returns what a path below dir, with
// slashes, stands for: 0 a file, fs.ModeDir a folder, in which is looked, too; false for one
// that is none of its own.
//
// Files of another user are no matter on a volume that is mounted read-only, where this
// user's own files get that owner (network file systems that map all users to one), and
// in a folder of a group whose files all belong to it (setgid, as Kubernetes sets it).
func Planted(dir string, own func(name string) (fs.FileMode, bool)) error {
	at, err := os.Lstat(dir)
	if err == nil && at.Mode()&fs.ModeSymlink != 0 {
		at, err = os.Stat(dir) // of the directory itself its user decides
	}
	if err != nil {
		return nil //nolint:nilerr // opening it says so better
	}
	return planted(dir, "", at, own)
}

// planted is Planted of the folder below, a path of dir.
func planted(dir, below string, at fs.FileInfo, own func(name string) (fs.FileMode, bool)) error {
	entries, err := os.ReadDir(filepath.Join(dir, below))
	if err != nil {
		return nil //nolint:nilerr // opening it says so better
	}
	all := make(map[string]fs.FileInfo, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			all[e.Name()] = info
		}
	}
	for _, e := range entries {
		info, ok := all[e.Name()]
		if !ok {
			continue // gone meanwhile
		}
		name := path.Join(below, e.Name())
		kind, ok := own(name)
		if !ok || IsTemp(e.Name()) { // those are removed and not opened
			continue
		}
		path := filepath.Join(dir, name)
		var err error
		if !info.IsDir() || kind != 0 { // a folder of this user's own does no harm: opening it says so better
			err = judge(path, info, kind)
		}
		if err == nil {
			err = notOurs(path, info, at)
		}
		if err == nil && info.Mode().IsRegular() && links(info) > 1 && links(info) > namesOf(info, all) {
			err = hardLink(path)
		}
		if err == nil && kind.IsDir() {
			err = planted(dir, name, info, own)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// judge looks at what kind of thing a file is.
func judge(path string, info fs.FileInfo, want fs.FileMode) error {
	is := info.Mode().Type()
	if is == want {
		return nil
	}
	e := &PlantedError{Path: path, What: "is a pipe or a device", Fix: "look who put it there, and remove it: rm " + shellWord(path)}
	switch {
	case is&fs.ModeSymlink != 0:
		e.What = "is a link"
		e.Fix = "look where it leads and who put it there; remove it, or put what it leads to in its place"
	case is.IsDir():
		e.What, e.Fix = "is a folder", "look who put it there, and move it away"
	case is == 0:
		e.What, e.Fix = "is a file and no folder", "look who put it there, and move it away"
	case is&fs.ModeSocket != 0:
		e.What = "is a socket"
	}
	return e
}

func hardLink(path string) error {
	p := shellWord(path)
	return &PlantedError{
		Path: path, What: "has another name elsewhere (a hard link), through which others may read and write it",
		Fix: fmt.Sprintf("look who made that; when the contents are relay's, give it a file of its own: cp -p %s %s && mv %s %s", p, p+".own", p+".own", p),
	}
}

// namesOf counts the names that a file has in its directory: a crash may leave two.
func namesOf(info fs.FileInfo, all map[string]fs.FileInfo) (n uint64) {
	for _, other := range all {
		if os.SameFile(info, other) {
			n++
		}
	}
	return n
}

// OpenAppend opens a file to write behind what is in it, and makes it where there is none.
// A link is not followed, and what is no file not waited for: *PlantedError.
func OpenAppend(path string, mode fs.FileMode) (*os.File, error) {
	if info, err := os.Lstat(path); err == nil {
		if err := judge(path, info, 0); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|noFollow|noWait, mode)
	if err != nil {
		return nil, err
	}
	return f, alone(f, path)
}

// alone closes a file that is none, or has more names than its own.
func alone(f *os.File, path string) error {
	info, err := f.Stat()
	if err == nil {
		err = judge(path, info, 0)
	}
	if err == nil && links(info) > 1 {
		err = hardLink(path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}
