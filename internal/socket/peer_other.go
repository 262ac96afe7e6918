//go:build !linux && !darwin && !windows

package socket

import "net"

// peer is not asked for here: the mode of the socket decides alone.
func peer(net.Conn) (uid int, known bool) { return 0, false }
