package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"relay/internal/disk"
)

// Invariant: every file in the queue directory belongs to relay's user. A file created by
// root would stop the next start. So if root runs a command while relay is not running, a
// child process that runs as the queue's owner opens the queue, and the command talks to
// it over a socket.

// foreignOwner returns the owner and group of dir if this process is root and the owner
// is another user.
func foreignOwner(dir string) (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	uid, gid, ok = ownerOf(dir)
	return uid, gid, ok && uid != 0
}

// MakeQueueDir makes a queue directory and its missing parents. For root, each gets the
// owner of its parent directory.
func MakeQueueDir(dir string) error {
	var missing []string // the outermost last
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	if err := disk.MakeDir(dir); err != nil {
		return fmt.Errorf("make queue directory: %w", err)
	}
	for _, d := range slices.Backward(missing) {
		if err := giveTo(d, filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// giveTo gives path the owner of like if this process is root.
func giveTo(path, like string) error {
	uid, gid, ok := foreignOwner(like)
	if !ok {
		return nil
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("change owner of %s: %w", path, err)
	}
	return nil
}

// GiveAll gives what root created in dir the owner of dir if this process is root. That user can
// have put links in dir: GiveAll follows none, and leaves a file with a second name alone, since
// it can be any file of root's.
func GiveAll(dir string) error {
	uid, gid, ok := foreignOwner(dir)
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("change owner of %s: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = giveRootsOwn(root, name, uid, gid)
		}
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("change owner of the files in %s: %w", dir, err)
	}
	return nil
}
