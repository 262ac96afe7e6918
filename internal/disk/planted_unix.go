//go:build unix

package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// notOurs returns an error if a file in relay's directory belongs to a stranger.
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
		fmt.Sprintf("check who put it there, then remove it: rm -r %s; if it is relay's, for example after a move, take it over: chown -h %d %s", p, os.Geteuid(), p),
	}
}

// ownerHere returns the user that owns a file this process creates in dir.
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

// links is the number of names of a file.
func links(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Nlink)
	}
	return 1
}

// noWait makes opening a pipe return without waiting for its other end.
const noWait = syscall.O_NONBLOCK
