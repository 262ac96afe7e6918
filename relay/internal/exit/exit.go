// Package exit gives the errors of commands their exit codes, and prints them.
//
// Whoever knows what a person can do about an error marks it where it arises:
// TryLater, NotAllowed, BadConfig, Usage. Marks survive wrapping with %w, and the
// outermost one counts. What carries no mark and is not known otherwise (problems
// of a file, a socket that refuses this user, a signal) is a Failure. Scripts and
// units of systemd rely on the numbers (docs/contract.md 4).
package exit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"relay/config"
	"relay/internal/socket"
	"relay/internal/strictyaml"
)

// Exit codes, as docs/contract.md 4 lists them.
const (
	OK              = 0
	Failure         = 1
	UsageCode       = 2
	Later           = 75
	Forbidden       = 77
	Config          = 78
	InterruptedCode = 130
)

// Error gives an error its exit code.
type Error struct {
	code int
	err  error
}

func (e Error) Error() string { return e.err.Error() }
func (e Error) Unwrap() error { return e.err }

// TryLater marks what may work on a second try: nobody listens, file locked.
func TryLater(err error) error { return Error{Later, err} }

// NotAllowed marks what this user may not do.
func NotAllowed(err error) error { return Error{Forbidden, err} }

// BadConfig marks what a person must correct in a file.
func BadConfig(err error) error { return Error{Config, err} }

// usageError is a wrong call.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ErrReported ends a command whose output has said everything already.
var ErrReported = errors.New("reported")

// Code is the exit code of what a command returned.
func Code(err error) int {
	var c Error
	var u usageError
	var p strictyaml.Problems
	var i Interrupted
	switch {
	case err == nil:
		return OK
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &u):
		return UsageCode
	case errors.Is(err, socket.ErrNotAllowed), errors.Is(err, config.ErrInvalid) && errors.Is(err, fs.ErrPermission):
		return Forbidden
	case errors.As(err, &p), errors.Is(err, config.ErrInvalid):
		return Config
	case errors.As(err, &i):
		return InterruptedCode
	case strings.HasPrefix(err.Error(), "required flag"):
		return UsageCode // cobra has no error type for it
	}
	return Failure
}

// Print writes an error for a person: problems of a file with their
// source lines, everything else in one line.
func Print(w io.Writer, err error) {
	if p, ok := errors.AsType[strictyaml.Problems](err); ok {
		for _, x := range p {
			fmt.Fprintln(w, x.Render())
		}
		return
	}
	fmt.Fprintln(w, "relay: "+err.Error())
}

// Interrupted is the cause of a context that a signal has ended.
type Interrupted struct{ os.Signal }

func (i Interrupted) Error() string { return "stopped by " + i.Signal.String() }

// Coded gives err an exit code.
func Coded(code int, err error) error { return Error{code, err} }

// Usage marks a wrong call.
func Usage(err error) error { return usageError{err} }
