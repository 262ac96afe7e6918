package socket

import (
	"errors"
	"net"
)

// ErrNotAllowed means that this user is not allowed to use the socket, or that the process that answers must
// not be trusted.
var ErrNotAllowed = errors.New("not allowed")

// NotAllowedError explains which users can use a socket that this user cannot. It matches ErrNotAllowed.
type NotAllowedError struct{ Text string }

func (e *NotAllowedError) Error() string { return e.Text }

// Is makes errors.Is match ErrNotAllowed.
func (e *NotAllowedError) Is(target error) bool { return target == ErrNotAllowed }

// ErrNoGroup means that the group configured for the socket does not exist.
var ErrNoGroup = errors.New("no such group")

// Peer is the user at the other end of a control connection.
type Peer struct {
	UID   int    // -1: unknown
	Name  string // on Windows, where users have no numbers
	Known bool
}

// PeerOf returns the peer of a connection accepted by a control listener.
func PeerOf(c net.Conn) Peer {
	if p, ok := c.(interface{ Peer() Peer }); ok {
		return p.Peer()
	}
	return Peer{UID: -1}
}
