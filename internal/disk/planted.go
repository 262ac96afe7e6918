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
	Path   string
	What   string // what it is
	Danger string // what would happen if it were used
	Fix    string // what to do, with the command
}

func (e *PlantedError) Error() string {
	return fmt.Sprintf("%s %s: %s; %s", e.Path, e.What, e.Danger, e.Fix)
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
	p := ShellWord(path)
	remove := fmt.Sprintf("look who put it there (ls -l %s), then remove it: rm %s", p, p)
	away := fmt.Sprintf("look who put it there (ls -ld %s), then move it away: mv %s %s", p, p, ShellWord(path+".not-relays"))
	wait := "relay keeps a file of its own under this name, and would wait for whoever is at the other end"
	switch {
	case is&fs.ModeSymlink != 0:
		return &PlantedError{path, "is a link", "relay keeps a file or folder of its own under this name, and would read and write whatever the link leads to", remove + ", or put what it leads to in its place"}
	case is.IsDir():
		return &PlantedError{path, "is a folder", "relay keeps a file of its own under this name, and cannot while the folder is there", away}
	case is == 0:
		return &PlantedError{path, "is a file and no folder", "relay keeps a folder of its own under this name, and cannot while the file is there", away}
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
		path, "has another name elsewhere (a hard link)", "whoever has that name may read and change what relay keeps in this file",
		fmt.Sprintf("look who made it (find / -xdev -samefile %s); when the contents are relay's, give it a file of its own: cp -p %s %s && mv %s %s", p, p, p+".own", p+".own", p),
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
