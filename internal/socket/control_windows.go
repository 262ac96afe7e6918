package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// Paths returns the path that determines the name of dir's control pipe.
func Paths(dir, name string) []string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	return []string{filepath.Join(abs, name)}
}

// Unsupported returns false: pipes are not in a file system.
func Unsupported(error) bool { return false }

// Owner returns false: users have no numbers on Windows.
func Owner(string) (uid int, ok bool) { return 0, false }

// As says as which user to run a command that is refused.
func As(string) string { return "as administrator" }

func selfSID() (string, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("query the user of this process: %w", err)
	}
	return u.User.Sid.String(), nil
}

// ListenControl creates the named pipe of path for this user, administrators and the system, and
// for the members of group unless it is empty.
func ListenControl(path, _, group string) (net.Listener, error) {
	self, err := selfSID()
	if err != nil {
		return nil, err
	}
	sid := ""
	if group != "" {
		s, _, _, err := windows.LookupSID("", group)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", ErrNoGroup, group)
		}
		sid = s.String()
	}
	// The first instance is created, never joined: an existing pipe is an error.
	l, err := winio.ListenPipe(pipeName(path), &winio.PipeConfig{SecurityDescriptor: descriptor(self, sid)})
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return nil, fmt.Errorf("the pipe %s: address already in use", pipeName(path))
	}
	return l, err
}

// DialControl connects to the pipe of path as an anonymous client, and only if it was created by
// this user, an administrator or the system.
func DialControl(ctx context.Context, path, _ string) (net.Conn, error) {
	c, err := winio.DialPipeContext(ctx, pipeName(path))
	switch {
	case errors.Is(err, os.ErrPermission), errors.Is(err, windows.ERROR_ACCESS_DENIED):
		return nil, &NotAllowedError{"this user is not allowed to use relay's pipe: it is for the user relay runs as and administrators. Run the command as administrator, or set admin.socket.group to a group you are in"}
	case err != nil:
		return nil, err
	}
	fd, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return c, nil
	}
	if err := trustedPipe(windows.Handle(fd.Fd())); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

func trustedPipe(h windows.Handle) error {
	sd, err := windows.GetSecurityInfo(h, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("query the owner of the pipe: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("query the owner of the pipe: %w", err)
	}
	self, err := selfSID()
	if err != nil {
		return err
	}
	if owner.String() == self || owner.IsWellKnown(windows.WinBuiltinAdministratorsSid) || owner.IsWellKnown(windows.WinLocalSystemSid) ||
		owner.IsWellKnown(windows.WinLocalServiceSid) || owner.IsWellKnown(windows.WinNetworkServiceSid) || isService(owner) {
		return nil
	}
	return &NotAllowedError{"the pipe belongs to another user, who is neither relay's user nor an administrator; nothing was sent"}
}

// isService reports whether a SID belongs to a service (NT SERVICE\relay).
func isService(sid *windows.SID) bool { return strings.HasPrefix(sid.String(), "S-1-5-80-") }
