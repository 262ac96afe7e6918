package ingest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"relay/internal/socket"
)

// listen opens one address: host:port or unix:/path.
func listen(addr string, mode fs.FileMode) (net.Listener, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen on %s: %w", addr, cause(err))
		}
		return l, nil
	}
	l, err := socket.Listen(path, mode)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, cause(err))
	}
	return l, nil
}

// cause returns the error inside a net.OpError: the caller's message has the address already.
func cause(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err
	}
	return err
}
