package socket

import (
	"errors"
	"net"
)

// ErrNotAllowed says that this user may not use the socket, or that whoever
// answers there may not be trusted.
var ErrNotAllowed = errors.New("not allowed")

// NotAllowedError says who may use a socket that this user may not. It is
// ErrNotAllowed.
type NotAllowedError struct{ Text string }

func (e *NotAllowedError) Error() string { return e.Text }

// Is makes e ErrNotAllowed.
func (e *NotAllowedError) Is(target error) bool { return target == ErrNotAllowed }

// ErrNoGroup says that the group a socket is to be for does not exist.
var ErrNoGroup = errors.New("no such group")

// Peer is who is at the other end of a connection of a control socket.
type Peer struct {
	UID   int    // -1: the system does not say
	Name  string // on Windows, where users are no numbers
	Known bool
}

// PeerOf says who is at the other end of a connection that a control listener
// has accepted.
func PeerOf(c net.Conn) Peer {
	if p, ok := c.(interface{ Peer() Peer }); ok {
		return p.Peer()
	}
	return Peer{UID: -1}
}
