package disk

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// AccessError means that this process's user cannot use a file or directory that relay needs.
type AccessError struct {
	Path  string // the file or directory
	Dir   string // the directory that was checked: Path is in it, on the path to it, or missing from it
	Owner int    // the user that owns Path; -1: unknown
	Mode  fs.FileMode
}

// Error says who cannot do what with which file, and whose it is.
func (e *AccessError) Error() string {
	what := "read and write"
	switch {
	case e.above():
		what = "enter"
	case e.Path != e.Dir && !pathExists(e.Dir):
		what = "create " + e.Dir + " in"
	}
	whose := ""
	if e.Owner >= 0 {
		whose = fmt.Sprintf(" (owner %s, mode %04o)", userName(e.Owner), e.Mode.Perm())
	}
	return fmt.Sprintf("the user %s cannot %s %s%s", userName(os.Geteuid()), what, e.Path, whose)
}

// Unwrap returns fs.ErrPermission.
func (e *AccessError) Unwrap() error { return fs.ErrPermission }

// Fix returns a command that gives this user access.
func (e *AccessError) Fix() string {
	me, dir := userName(os.Geteuid()), ShellWord(e.Dir)
	modes := "chmod -R u+rwX " + dir
	switch {
	case e.above():
		return "sudo chmod o+x " + ShellWord(e.Path)
	case e.Path != e.Dir && !pathExists(e.Dir):
		return fmt.Sprintf("sudo install -d -m 700 -o %s %s", me, dir)
	case e.Owner >= 0 && e.Owner != os.Geteuid() && e.closed():
		return fmt.Sprintf("sudo chown -R %s %s && sudo %s", me, dir, modes)
	case e.Owner != os.Geteuid():
		return fmt.Sprintf("sudo chown -R %s %s", me, dir)
	case e.closed():
		return modes
	}
	return "check what else refuses it, such as SELinux or an access list: ls -lZ " + ShellWord(e.Path)
}

// above reports whether Path is a directory on the path to Dir that this user cannot enter.
func (e *AccessError) above() bool {
	return e.Path != e.Dir && isAbove(e.Path, e.Dir) && !canEnter(e.Path)
}

// closed reports whether the mode refuses even the owner.
func (e *AccessError) closed() bool {
	need := fs.FileMode(0o600)
	if e.Mode.IsDir() {
		need = 0o700
	}
	return e.Mode&need != need
}

// Access returns an *AccessError for the first file or directory that this process cannot use:
// dir, the directories on the path to it, and everything in it for which needed returns true (of
// a path below dir, slash-separated). It returns nil if there is none.
func Access(dir string, needed func(name string, e fs.DirEntry) bool) *AccessError {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil {
			if at != dir && !canEnter(at) || !canUse(at, true) {
				return accessError(at, dir, info)
			}
			if at != dir {
				return nil // dir can be created
			}
			break
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
	var found *AccessError
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		switch {
		case path == dir || relErr != nil || e == nil:
			return nil
		case e.Type()&^fs.ModeDir != 0 || !needed(filepath.ToSlash(name), e):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case err == nil && canUse(path, e.IsDir()):
			return nil
		}
		if info, err := os.Lstat(path); err == nil {
			found = accessError(path, dir, info)
			return fs.SkipAll
		}
		return nil
	})
	return found
}

func accessError(path, dir string, info fs.FileInfo) *AccessError {
	return &AccessError{Path: path, Dir: dir, Owner: ownerOf(info), Mode: info.Mode()}
}

// isAbove reports whether dir is at or below at.
func isAbove(at, dir string) bool {
	rel, err := filepath.Rel(at, dir)
	return err == nil && filepath.IsLocal(rel)
}

func pathExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// userName returns the name of a user, or its number if it has no name.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}
