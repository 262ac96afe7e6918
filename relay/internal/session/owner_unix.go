//go:build !windows

package session

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// ownerOf returns the owner of a file or directory.
func ownerOf(path string) (uid, gid int, ok bool) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// runAs makes cmd run as a user with that user's groups. A user unknown to the system gets
// the group of dir.
func runAs(cmd *exec.Cmd, uid int, dir string) error {
	cred := &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	var st syscall.Stat_t
	if err := syscall.Stat(dir, &st); err != nil {
		return fmt.Errorf("open queue: %w", err)
	}
	cred.Gid = st.Gid
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		if gid, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
			cred.Gid = uint32(gid)
		}
		ids, _ := u.GroupIds()
		for _, id := range ids {
			if gid, err := strconv.ParseUint(id, 10, 32); err == nil {
				cred.Groups = append(cred.Groups, uint32(gid))
			}
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	return nil
}

// giveRootsOwn gives a file or directory in root to a user if it belongs to root and has no
// second name. It asks the opened file, not its name, which that user could replace.
func giveRootsOwn(root *os.Root, name string, uid, gid int) error {
	info, err := root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		return err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 || !info.IsDir() && (!info.Mode().IsRegular() || st.Nlink != 1) {
		return nil
	}
	return f.Chown(uid, gid)
}
