//go:build unix

package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// notOurs looks at whose a file in a directory of this program is.
func notOurs(path string, info, dir fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	d, isUnix := dir.Sys().(*syscall.Stat_t)
	if !ok || !isUnix || ours(info) || s.Uid == d.Uid || unmapped(s.Uid) {
		return nil
	}
	ofGroup := dir.Mode()&fs.ModeSetgid != 0 && dir.Mode().Perm()&0o002 == 0 && s.Gid == d.Gid
	if ofGroup || readOnly(path) || s.Uid == ownerHere(filepath.Dir(path)) {
		return nil
	}
	p := ShellWord(path)
	return &PlantedError{
		path, fmt.Sprintf("belongs to another user (uid %d)", s.Uid), "who could read and change what relay keeps there, or make relay trust what it says",
		fmt.Sprintf("look who put it there, then remove it: rm -r %s; when it is relay's, such as after a move, take it over: chown -h %d %s", p, os.Geteuid(), p),
	}
}

// ownerHere is whom a file that this process makes in dir belongs to.
func ownerHere(dir string) uint32 {
	uid := uint32(os.Geteuid())
	name := TempName(filepath.Join(dir, "owner"))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return uid
	}
	defer func() { _ = os.Remove(name) }()
	defer f.Close()
	if info, err := f.Stat(); err == nil {
		if s, ok := info.Sys().(*syscall.Stat_t); ok {
			uid = s.Uid
		}
	}
	return uid
}

// links is how many names a file has.
func links(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// noWait has an open that does not wait for whoever is at the other end of a pipe.
const noWait = syscall.O_NONBLOCK
