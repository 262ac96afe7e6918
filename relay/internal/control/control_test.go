package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"relay/config"
)

// The configured path is the only one; without it the socket is in the queue directory.
func TestPaths(t *testing.T) {
	cfg := config.Default("/srv/relay")
	cfg.Queue.Path = "/srv/relay/data"
	if got := Paths(cfg); runtime.GOOS != "windows" && (len(got) == 0 || got[0] != "/srv/relay/data/admin.sock") {
		t.Errorf("default: %q", got)
	}
	cfg.Admin.Socket.Path = "/run/x.sock"
	if got := Paths(cfg); len(got) != 1 || got[0] != "/run/x.sock" {
		t.Errorf("configured: %q", got)
	}
}

// Only a missing or refused socket means that no relay is running.
func TestAbsent(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", err)}
	}
	for err, want := range map[error]bool{
		op(syscall.ENOENT): true, op(syscall.ECONNREFUSED): true,
		op(syscall.EACCES): false, errors.New("timeout"): false,
	} {
		if got := Absent(err); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
}

// The cause of an error names neither the operation nor the path.
func TestCause(t *testing.T) {
	root := errors.New("permission denied")
	for _, err := range []error{
		root,
		&net.OpError{Op: "listen", Net: "unix", Err: root},
		&fs.PathError{Op: "open", Path: "/secret", Err: root},
		&net.OpError{Op: "listen", Net: "unix", Err: &fs.PathError{Op: "bind", Path: "/secret", Err: root}},
	} {
		if got := cause(err); got != root { //nolint:errorlint // the very error is wanted
			t.Errorf("%v: %v", err, got)
		}
	}
}
