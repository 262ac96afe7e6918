package sidecar

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"relay/relay/internal/exit"
)

// listenError says which address of the config cannot be listened on. An
// address that is taken may be free on a second try; one that is none is
// refused by config before.
func listenError(key, addr string, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case addressInUse(err):
		return exit.TryLater(fmt.Errorf("%s: another program uses %s already", key, addr))
	case errors.As(err, &errno):
		return fmt.Errorf("%s: cannot listen on %s: %w", key, addr, errno)
	}
	return fmt.Errorf("%s: %w", key, err)
}

func addressInUse(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048) // Windows has a number of its own
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) || strings.Contains(err.Error(), "in use")
}
