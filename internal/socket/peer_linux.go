package socket

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peer returns the user at the other end: of an accepted connection the client, of a dialled one
// the server.
func peer(c net.Conn) (uid int, known bool) {
	withFD(c, func(fd int) {
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid, known = int(cred.Uid), true
		}
	})
	return uid, known
}

func withFD(c net.Conn, do func(fd int)) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { do(int(fd)) })
}
