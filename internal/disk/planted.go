package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// PlantedError means that something relay did not create is in the place of one of its own files.
type PlantedError struct {
	Path   string
	What   string // what it is
	Danger string // what could happen if it were used
	Fix    string // what to do, with the command
}

func (e *PlantedError) Error() string {
	return fmt.Sprintf("%s %s: %s; %s", e.Path, e.What, e.Danger, e.Fix)
}

// Planted checks what is in dir under relay's own names, before any of it is opened. It returns a
// *PlantedError for a link, a pipe, a hard link to a file elsewhere, a file in the place of a
// directory, and for anything owned by a user other than root, this user and the owner of dir. It
// changes nothing and follows no link. own returns what a slash-separated path below dir is: 0 for
// a file, fs.ModeDir for a directory, which is then checked too, and false for a path that is not
// relay's.
//
// Files of another user are accepted on a volume mounted read-only, where this user's new files
// also get that owner (network file systems that map all users to one), and in a group's directory
// whose files all belong to the group (setgid, as set by Kubernetes).
func Planted(dir string, own func(name string) (fs.FileMode, bool)) error {
	at, err := os.Lstat(dir)
	if err == nil && at.Mode()&fs.ModeSymlink != 0 {
		at, err = os.Stat(dir) // the owner of dir may make it a link
	}
	if err != nil {
		return nil //nolint:nilerr // opening it gives a better error
	}
	return planted(dir, "", at, own)
}

// planted checks the directory below, a path relative to dir.
func planted(dir, below string, at fs.FileInfo, own func(name string) (fs.FileMode, bool)) error {
	entries, err := os.ReadDir(filepath.Join(dir, below))
	if err != nil {
		return nil //nolint:nilerr // opening it gives a better error
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
			continue // removed meanwhile
		}
		name := path.Join(below, e.Name())
		kind, ok := own(name)
		if !ok || IsTemp(e.Name()) { // temporary files are removed and never opened
			continue
		}
		path := filepath.Join(dir, name)
		var err error
		if !info.IsDir() || kind != 0 { // a directory of this user's own is harmless: opening it gives a better error
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

// judge checks the type of a file.
func judge(path string, info fs.FileInfo, want fs.FileMode) error {
	is := info.Mode().Type()
	if is == want {
		return nil
	}
	p := ShellWord(path)
	remove := fmt.Sprintf("check who put it there (ls -l %s), then remove it: rm %s", p, p)
	away := fmt.Sprintf("check who put it there (ls -ld %s), then move it away: mv %s %s", p, p, ShellWord(path+".not-relays"))
	wait := "relay keeps a file of its own under this name, and would wait for the program at the other end"
	switch {
	case is&fs.ModeSymlink != 0:
		return &PlantedError{path, "is a link", "relay keeps a file or folder of its own under this name, and would read and write whatever the link leads to", remove + ", or replace it with what it leads to"}
	case is.IsDir():
		return &PlantedError{path, "is a folder", "relay keeps a file of its own under this name, and cannot while the folder is there", away}
	case is == 0:
		return &PlantedError{path, "is a file, not a folder", "relay keeps a folder of its own under this name, and cannot while the file is there", away}
	case is&fs.ModeSocket != 0:
		return &PlantedError{path, "is a socket", wait, remove}
	case is&fs.ModeNamedPipe != 0:
		return &PlantedError{path, "is a pipe", wait, remove}
	}
	return &PlantedError{path, "is a device", "relay keeps a file of its own under this name, and what it writes there would go to the device", remove}
}

func hardLink(path string) error {
	p := ShellWord(path)
	return &PlantedError{
		path, "has another name elsewhere (a hard link)", "anyone with access to the other name can read and change this file",
		fmt.Sprintf("check who made it (find / -xdev -samefile %s); if the contents are relay's, make it a separate file: cp -p %s %s && mv %s %s", p, p, p+".own", p+".own", p),
	}
}

// namesOf counts a file's names in its directory: a crash may leave two.
func namesOf(info fs.FileInfo, all map[string]fs.FileInfo) (n uint64) {
	for _, other := range all {
		if os.SameFile(info, other) {
			n++
		}
	}
	return n
}

// alone closes f and returns an error if it is not a regular file or has several names.
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
