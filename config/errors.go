package config

import (
	"errors"
	"fmt"

	"relay/internal/strictyaml"
)

// ErrInvalid matches, by errors.Is, every error about the content or absence of a
// configuration. The command exits with 78.
var ErrInvalid = errors.New("invalid configuration")

// InvalidError is the error of a file that cannot be used. Problems is empty when the
// file could not be read; Err is then the reason.
type InvalidError struct {
	File     string
	Problems strictyaml.Problems
	Err      error
}

// Error returns each problem's "file:line:column: message", one a line.
func (e *InvalidError) Error() string {
	if len(e.Problems) > 0 {
		return e.Problems.Error()
	}
	return fmt.Sprintf("read %s: %v", e.File, e.Err)
}

// Unwrap lets errors.As find strictyaml.Problems, and errors.Is the cause.
func (e *InvalidError) Unwrap() []error {
	var errs []error
	if len(e.Problems) > 0 {
		errs = append(errs, e.Problems)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Is makes every InvalidError an ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// place is the position of a key in the file.
type place struct {
	line, column int
	source       string
}

// Invalid returns an error about a key's value that only the code using it can find,
// such as a queue.max_size larger than the volume. The error has the key's position in
// the file.
func (c *Config) Invalid(key, format string, args ...any) *InvalidError {
	p := strictyaml.Problem{File: c.File, Line: 1, Column: 1, Message: key + ": " + fmt.Sprintf(format, args...)}
	if at, ok := c.places[key]; ok {
		p.Line, p.Column, p.Source = at.line, at.column, at.source
	}
	return &InvalidError{File: c.File, Problems: strictyaml.Problems{p}}
}
