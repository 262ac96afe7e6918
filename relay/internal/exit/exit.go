// Package exit gives the errors of commands their exit codes, and prints them.
//
// The code that creates an error marks it with TryLater, NotAllowed, BadConfig, Usage or
// Coded. Marks survive wrapping with %w; the outermost mark counts. An error without a
// mark has a code of its own if it is a problem of a file, a refused socket or a signal;
// otherwise it is a Failure. Scripts and systemd units rely on the numbers
// (docs/contract.md 4).
package exit

import (
	"context"
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

// codedError is an error with its exit code.
type codedError struct {
	code int
	err  error
}

func (e codedError) Error() string { return e.err.Error() }
func (e codedError) Unwrap() error { return e.err }

// Coded gives err an exit code.
func Coded(code int, err error) error { return codedError{code, err} }

// Usage marks wrong usage of a command.
func Usage(err error) error { return codedError{UsageCode, err} }

// TryLater marks an error that a later attempt might not hit: relay not reachable, file
// locked.
func TryLater(err error) error { return codedError{Later, err} }

// NotAllowed marks an operation that this user is not allowed to do.
func NotAllowed(err error) error { return codedError{Forbidden, err} }

// BadConfig marks an error that a person must correct in a file.
func BadConfig(err error) error { return codedError{Config, err} }

// ErrReported ends a command that has already printed its error.
var ErrReported = errors.New("reported")

// Code returns the exit code for the error of a command.
func Code(err error) int {
	var c codedError
	var p strictyaml.Problems
	var i Interrupted
	switch {
	case err == nil:
		return OK
	case errors.As(err, &c):
		return c.code
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

// Print writes an error for people: the problems of a file with their source lines, any
// other error as it is.
func Print(w io.Writer, err error) {
	if p, ok := errors.AsType[strictyaml.Problems](err); ok {
		for _, x := range p {
			fmt.Fprintln(w, x.Render())
		}
		return
	}
	fmt.Fprintln(w, "relay: "+err.Error())
}

// Interrupted is the cause of a context that a signal cancelled.
type Interrupted struct{ os.Signal }

func (i Interrupted) Error() string { return "stopped by " + i.Signal.String() }

// IfInterrupted returns err, marked with InterruptedCode if a signal cancelled ctx and err is a
// consequence. An error that says only that it was cancelled names the signal instead.
func IfInterrupted(ctx context.Context, err error) error {
	i, ok := errors.AsType[Interrupted](context.Cause(ctx))
	if !ok || !errors.Is(err, context.Canceled) && !errors.As(err, new(Interrupted)) {
		return err
	}
	text := strings.ReplaceAll(err.Error(), context.Canceled.Error(), i.Error())
	return codedError{InterruptedCode, errors.New(text)}
}
