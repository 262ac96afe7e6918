package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
)

// listen opens one address: host:port, or unix:/path.
func listen(addr string, mode fs.FileMode) (net.Listener, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", addr, cause(err))
		}
		return l, nil
	}
	l, err := listenUnix(path, mode)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, cause(err))
	}
	return l, nil
}

// cause takes off what net puts around an error: the address is said already.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}

// listenUnix makes a socket that has its mode from the first moment it can be
// found: it is bound beside its place and moved there. What a killed process
// left behind is replaced; a socket that answers is somebody else's.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	switch fi, err := os.Lstat(path); {
	case err == nil && fi.Mode().Type() != fs.ModeSocket:
		return nil, errors.New("there is a file in the way that is no socket")
	case err == nil:
		if c, err := new(net.Dialer).DialContext(context.Background(), "unix", path); err == nil {
			_ = c.Close()
			return nil, errors.New("address already in use")
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if runtime.GOOS == "windows" { // no modes there, and no moving of sockets
		_ = os.Remove(path)
		return new(net.ListenConfig).Listen(context.Background(), "unix", path)
	}
	side := path + ".new"
	_ = os.Remove(side)
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
	return &unixListener{UnixListener: l, path: path, made: made}, nil
}

// unixListener removes its socket when closed, unless another has taken the place.
type unixListener struct {
	*net.UnixListener
	path string
	made fs.FileInfo
	once sync.Once
}

func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *unixListener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		if now, e := os.Lstat(l.path); e == nil && os.SameFile(now, l.made) {
			_ = os.Remove(l.path)
		}
		err = l.UnixListener.Close()
	})
	return err
}
