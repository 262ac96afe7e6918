//go:build !windows

package socket

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// longest is the maximum length of a socket path: sun_path has 104 bytes on macOS and BSD and 108
// on Linux, including the terminating zero.
const longest = 100

// Paths returns where the control socket for dir may be: in dir and, if that path is too long or
// the file system does not support sockets, in a directory of dir's owner below /tmp. Both sides
// compute the same paths, whatever their environment.
func Paths(dir, name string) []string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	short := elsewhere(abs, name)
	if path := filepath.Join(abs, name); len(path) <= longest {
		return []string{path, short}
	}
	return []string{short}
}

// Unsupported reports whether a file system does not support sockets.
func Unsupported(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSYS)
}

// elsewhere returns the short path.
func elsewhere(abs, name string) string {
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	uid := os.Geteuid()
	if owner, ok := Owner(abs); ok {
		uid = owner
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join("/tmp", fmt.Sprintf("relay-%d-%s", uid, hex.EncodeToString(sum[:6])), name)
}

// Owner returns the user that owns a file or directory.
func Owner(path string) (uid int, ok bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// ListenControl creates the socket path for this user and root, and for the members of group unless
// it is empty. dir is the directory the socket belongs to; a short path is derived from its owner.
func ListenControl(path, dir, group string) (net.Listener, error) {
	mode, gid := fs.FileMode(0o600), -1
	if group != "" {
		g, err := lookupGroup(group)
		if err != nil {
			return nil, err
		}
		mode, gid = 0o660, g
	}
	if err := prepare(path, dir, gid); err != nil {
		return nil, err
	}
	l, err := listen(path, mode, gid)
	if err != nil {
		return nil, err
	}
	return &control{Listener: l, anyone: group != ""}, nil
}

// prepare creates the directory of a short path. A directory of another user is not used: anyone
// who can write to it could answer in relay's place.
func prepare(path, dir string, gid int) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if path != elsewhere(abs, filepath.Base(path)) {
		return nil
	}
	parent := filepath.Dir(path)
	err = os.Mkdir(parent, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fi, err := os.Lstat(parent)
	if err != nil {
		return err
	}
	owner, _ := Owner(parent)
	if !fi.IsDir() || owner != os.Geteuid() || fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s belongs to another user; remove it, or set another path", parent)
	}
	if gid >= 0 {
		if err := os.Chown(parent, -1, gid); err != nil {
			return err
		}
		return os.Chmod(parent, 0o710)
	}
	return nil
}

func lookupGroup(name string) (int, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 {
		return n, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("%w: %s", ErrNoGroup, name)
	}
	return strconv.Atoi(g.Gid)
}

// control accepts connections and records the user at their other end. Without a group it accepts
// only its own user and root, even if the file system ignores a socket's mode.
type control struct {
	net.Listener
	anyone bool // the mode of the socket decides
}

func (l *control) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		uid, known := peer(c)
		if !l.anyone && known && uid != 0 && uid != os.Geteuid() {
			_ = c.Close()
			continue
		}
		p := Peer{UID: uid, Known: known}
		if !known {
			p.UID = -1
		}
		return &peerConn{Conn: c, peer: p}, nil
	}
}

type peerConn struct {
	net.Conn
	peer Peer
}

// Peer is the user at the other end.
func (c *peerConn) Peer() Peer { return c.peer }

// DialControl connects to the control socket path of dir. It returns the connection only if the
// listening process belongs to a trusted user: this user, root, or the owner of dir or of the
// socket's directory.
func DialControl(ctx context.Context, path, dir string) (net.Conn, error) {
	d := net.Dialer{Timeout: 3 * time.Second}
	c, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.EINVAL) {
		err = fmt.Errorf("the path is too long for a socket: %w", err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, &NotAllowedError{mayNot(path)}
	}
	if err != nil {
		return nil, err
	}
	uid, known := peer(c)
	if known && !trusted(uid, filepath.Dir(path), dir) {
		_ = c.Close()
		return nil, &NotAllowedError{fmt.Sprintf("%s is listening at %s and is neither relay's user nor root; nothing was sent", userName(uid), path)}
	}
	return c, nil
}

func trusted(uid int, dirs ...string) bool {
	if uid == 0 || uid == os.Geteuid() {
		return true
	}
	for _, dir := range dirs {
		if owner, ok := Owner(dir); ok && owner == uid && owner != 0 {
			return true
		}
	}
	return false
}

// mayNot explains who may use the socket, as far as the file system shows.
func mayNot(path string) string {
	who := "relay's own user and root"
	if fi, err := os.Lstat(path); err == nil {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok {
			who = "root"
			if st.Uid != 0 {
				who = userName(int(st.Uid)) + " and root"
			}
			if fi.Mode().Perm()&0o060 == 0o060 {
				who += " and members of the group " + groupName(int(st.Gid))
			}
		}
	}
	return fmt.Sprintf("%s is not allowed to use %s: it is for %s. Run the command %s, or set admin.socket.group to a group you are in", userName(os.Geteuid()), path, who, As(path))
}

// As says as which user to run a command that needs the file or directory path: its owner, or that
// of the nearest directory above it that this user can see. It names root only if root owns it:
// root does not use files that another user can replace.
func As(path string) string {
	for {
		if uid, ok := Owner(path); ok {
			if uid == 0 {
				return "as root (sudo)"
			}
			return fmt.Sprintf("as %s (sudo -u %s relay …)", userName(uid), sudoName(uid))
		}
		up := filepath.Dir(path)
		if up == path {
			return "as relay's own user"
		}
		path = up
	}
}

// sudoName returns the user as sudo -u takes it.
func sudoName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("'#%d'", uid)
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("the user %s", u.Username)
	}
	return fmt.Sprintf("the user %d", uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return g.Name
	}
	return strconv.Itoa(gid)
}
