package session

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"relay/internal/disk"
)

// A queue belongs to the user relay runs as, and what lies in it must stay that
// user's: a file that root has made there stops the next start. So a command that
// root runs while no relay does has the queue opened by a process of the queue's
// owner, and talks to that over a socket.

// foreignOwner is the user and group that a queue belongs to when root asks and it
// is another one's.
func foreignOwner(dir string) (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	uid, gid, ok = ownerOf(dir)
	return uid, gid, ok && uid != 0
}

// MakeQueueDir makes the directory of a queue and those above it, which belong to
// whom the directory around them belongs to.
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

// giveTo makes path belong to whom like belongs to, when root has made it.
func giveTo(path, like string) error {
	uid, gid, ok := foreignOwner(like)
	if !ok {
		return nil
	}
	if err := os.Lchown(path, uid, gid); err != nil {
		return fmt.Errorf("hand %s to its owner: %w", path, err)
	}
	return nil
}

// GiveAll makes what lies in dir belong to whom dir belongs to, when root has put
// it there. It leaves dir by no link.
func GiveAll(dir string) error {
	uid, gid, ok := foreignOwner(dir)
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("hand %s to its owner: %w", dir, err)
	}
	defer func() { _ = root.Close() }()
	err = fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, uid, gid)
	})
	if err != nil {
		return fmt.Errorf("hand what is in %s to its owner: %w", dir, err)
	}
	return nil
}
