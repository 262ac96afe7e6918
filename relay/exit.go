package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"relay/config"
	"relay/internal/socket"
	"relay/internal/strictyaml"
)

// Exit codes, as docs/contract.md 4 lists them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitTryLater    = 75
	exitNotAllowed  = 77
	exitConfig      = 78
	exitInterrupted = 130
)

// codeError gives an error its exit code.
type codeError struct {
	code int
	err  error
}

func (e codeError) Error() string { return e.err.Error() }
func (e codeError) Unwrap() error { return e.err }

// tryLater marks what may work on a second try: nobody listens, file locked.
func tryLater(err error) error { return codeError{exitTryLater, err} }

// notAllowed marks what this user may not do.
func notAllowed(err error) error { return codeError{exitNotAllowed, err} }

// badConfig marks what a person must correct in a file.
func badConfig(err error) error { return codeError{exitConfig, err} }

// listenError says which address of the config cannot be listened on. An
// address that is taken may be free on a second try; one that is none is
// refused by config before.
func listenError(key, addr string, err error) error {
	var errno syscall.Errno
	switch {
	case err == nil:
		return nil
	case addressInUse(err):
		return tryLater(fmt.Errorf("%s: another program uses %s already", key, addr))
	case errors.As(err, &errno):
		return fmt.Errorf("%s: cannot listen on %s: %w", key, addr, errno)
	}
	return fmt.Errorf("%s: %w", key, err)
}

func addressInUse(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048) // Windows has a number of its own
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) || strings.Contains(err.Error(), "in use")
}

// usageError is a wrong call.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errReported ends a command whose output has said everything already.
var errReported = errors.New("reported")

func exitCode(err error) int {
	var c codeError
	var u usageError
	var p strictyaml.Problems
	var i interrupted
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &u):
		return exitUsage
	case errors.Is(err, socket.ErrNotAllowed), errors.Is(err, config.ErrInvalid) && errors.Is(err, fs.ErrPermission):
		return exitNotAllowed
	case errors.As(err, &p), errors.Is(err, config.ErrInvalid):
		return exitConfig
	case errors.As(err, &i):
		return exitInterrupted
	case strings.HasPrefix(err.Error(), "required flag"):
		return exitUsage // cobra has no error type for it
	}
	return exitFailure
}

// printError writes an error for a person: problems of a file with their
// source lines, everything else in one line.
func printError(w io.Writer, err error) {
	if p, ok := errors.AsType[strictyaml.Problems](err); ok {
		for _, x := range p {
			fmt.Fprintln(w, x.Render())
		}
		return
	}
	fmt.Fprintln(w, "relay: "+err.Error())
}
