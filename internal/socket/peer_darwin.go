package socket

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peer returns the user at the other end: of an accepted connection the client, of a dialled one
// the server.
func peer(c net.Conn) (uid int, known bool) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, false
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); err == nil {
			uid, known = int(cred.Uid), true
		}
	})
	return uid, known
}
