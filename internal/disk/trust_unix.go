//go:build unix

package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxLinks is how many links are followed on the path to a file, as in the kernel.
const maxLinks = 40

func trusted(path string) error {
	at, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	w := walk{file: path}
	for range maxLinks {
		next := w.link(at)
		if w.any != nil || next == "" {
			break
		}
		at = next
	}
	switch {
	case w.any != nil:
		return w.any
	case w.group != nil:
		return w.group
	}
	return nil
}

// walk checks the path to one file.
type walk struct {
	file       string
	shared     bool // any user can create files in the directory checked last
	any, group *WritableError
}

// owner checks who owns a directory, link or file in the directory that was checked before.
func (w *walk) owner(at string, info fs.FileInfo) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || w.any != nil || ours(info) || !w.shared && os.Geteuid() != 0 || unmapped(s.Uid) || readOnly(at) {
		return
	}
	w.any = &WritableError{Path: at, File: w.file, Owned: true, UID: s.Uid, Fix: "chown -h root " + ShellWord(at)}
	if info.IsDir() { // a home directory: it stays its user's
		w.any.Moved = rootsPlace(w.file, s.Uid)
		mode := "600"
		if f, err := os.Stat(w.file); err == nil && f.Mode().Perm()&0o100 != 0 {
			mode = "755"
		}
		w.any.Fix = fmt.Sprintf("install -D -m "+mode+" %s %s", ShellWord(w.file), ShellWord(w.any.Moved))
	}
}

// rootsPlace returns an unused path below /etc/relay, where a file of another user is copied so
// that only root can write it.
func rootsPlace(file string, uid uint32) string {
	place := filepath.Join("/etc/relay", filepath.Base(file))
	if _, err := os.Lstat(place); err == nil {
		place = filepath.Join("/etc/relay", fmt.Sprintf("uid-%d", uid), filepath.Base(file))
	}
	return place
}

// overflowUID is the owner shown in a user namespace for every user the namespace does not map,
// including the machine's root.
const overflowUID = 65534

// unmapped reports whether uid may stand for a user that this namespace does not map.
func unmapped(uid uint32) bool {
	if uid != overflowUID {
		return false
	}
	b, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && strings.Join(strings.Fields(string(b)), " ") != "0 0 4294967295"
}

// link checks everything on the path, and returns where the first link leads, or "" if there is
// none.
func (w *walk) link(path string) string {
	rest := strings.Split(strings.Trim(path, "/"), "/")
	at := "/"
	w.look(at, rest[0])
	for i, name := range rest {
		at = filepath.Join(at, name)
		info, err := os.Lstat(at)
		if err != nil {
			return ""
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			w.owner(at, info)
			to, err := os.Readlink(at)
			if err != nil {
				return ""
			}
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(at), to)
			}
			return filepath.Join(append([]string{to}, rest[i+1:]...)...)
		}
		next := ""
		if i+1 < len(rest) {
			next = rest[i+1]
		}
		w.look(at, next)
	}
	return ""
}

// look checks one directory or file. next is the next name on the path, or "" for the file itself.
func (w *walk) look(at, next string) {
	info, err := os.Lstat(at)
	if err != nil {
		return
	}
	w.owner(at, info)
	w.shared = info.IsDir() && info.Mode().Perm()&0o002 != 0 && !kubernetes(at)
	if info.Mode().Perm()&0o022 == 0 || !info.IsDir() && !info.Mode().IsRegular() { // Open refuses everything that is not a file
		return
	}
	if next != "" && (info.Mode()&fs.ModeSticky != 0 || kubernetes(at)) || readOnly(at) {
		return
	}
	e := &WritableError{Path: at, File: w.file}
	switch {
	case info.Mode().Perm()&0o002 != 0:
		e.Fix = "chmod o-w " + ShellWord(at)
		if w.any == nil {
			w.any = e
		}
	case w.group == nil && next == "": // only the file: directories writable by a group are customary in distributions
		e.Group, e.Fix = true, "chmod g-w "+ShellWord(at)
		w.group = e
	}
}

// kubernetes reports whether dir is a volume filled by the kubelet: everything in it goes through
// the link ..data, which the kubelet swaps, to a directory of its own. A user who can write to dir
// cannot create these as root.
func kubernetes(dir string) bool {
	link, err := os.Lstat(filepath.Join(dir, "..data"))
	if err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	to, err := os.Readlink(filepath.Join(dir, "..data"))
	if err != nil || !strings.HasPrefix(to, "..") || strings.Contains(to, "/") {
		return false
	}
	version, err := os.Lstat(filepath.Join(dir, to))
	return err == nil && version.IsDir() && version.Mode().Perm()&0o002 == 0 && ours(link) && ours(version)
}

// ours reports whether root or this user owns it.
func ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && (s.Uid == 0 || int(s.Uid) == os.Geteuid())
}

func readOnly(path string) bool {
	var s unix.Statfs_t
	return unix.Statfs(path, &s) == nil && uint64(s.Flags)&readOnlyFlag != 0
}

// ShellWord quotes a path for a shell where necessary.
func ShellWord(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
