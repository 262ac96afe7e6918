package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// Listen creates the unix socket path with this mode. It has the mode from the first moment it can
// be found: it is bound in a directory that only this user may enter, and then moved to its place.
// What a killed process left behind is replaced; a socket that answers belongs to another process.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	return listen(path, mode, -1)
}

func listen(path string, mode fs.FileMode, gid int) (net.Listener, error) {
	switch fi, err := os.Lstat(path); {
	case err == nil && fi.Mode().Type() != fs.ModeSocket && runtime.GOOS != "windows":
		return nil, errors.New("there is a file in the way that is not a socket")
	case err == nil:
		d := net.Dialer{Timeout: time.Second}
		if c, err := d.DialContext(context.Background(), "unix", path); err == nil {
			_ = c.Close()
			return nil, errors.New("address already in use")
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if runtime.GOOS == "windows" { // Windows has no modes and cannot move sockets
		_ = os.Remove(path)
		return new(net.ListenConfig).Listen(context.Background(), "unix", path)
	}
	dir, err := privateDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	side := filepath.Join(dir, "s")
	defer func() { _ = os.Remove(dir) }()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: side, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	undo := func(err error) (net.Listener, error) {
		_ = l.Close()
		_ = os.Remove(side)
		return nil, err
	}
	if gid >= 0 {
		if err := os.Chown(side, -1, gid); err != nil {
			return undo(err)
		}
	}
	if err := os.Chmod(side, mode.Perm()); err != nil {
		return undo(err)
	}
	made, err := os.Lstat(side)
	if err != nil {
		return undo(err)
	}
	if err := os.Rename(side, path); err != nil {
		return undo(err)
	}
	return &listener{UnixListener: l, path: path, made: made}, nil
}

// privateDir creates a directory below parent whose name is so short that a socket in it has no
// longer path than one next to it. A directory left by a killed process is reused.
func privateDir(parent string) (string, error) {
	for i := range 100 {
		dir := filepath.Join(parent, fmt.Sprintf(".s%02d", i))
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() && time.Since(fi.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(dir, "s"))
			_ = os.Remove(dir)
		}
	}
	return "", fmt.Errorf("no directory can be created in %s", parent)
}

// listener removes its socket when closed, unless another one has replaced it.
type listener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close may be called twice.
func (l *listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		if now, e := os.Lstat(l.path); e == nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path)
		}
		err = l.UnixListener.Close()
	})
	return err
}
