package jetstream

import "relay/queue"

// Errors of the contract with this engine's text.
var (
	errStalled     error = engineError{queue.ErrStalled, "the NATS servers did not answer in time"}
	errNotShown    error = engineError{errStalled, "no server has a message"}
	errUnavailable error = engineError{queue.ErrUnavailable, "the NATS servers accept no writes"}
)

// engineError is an error with another text.
type engineError struct {
	error
	text string
}

func (s engineError) Error() string { return s.text }

// Unwrap makes errors.Is match the contract's error.
func (s engineError) Unwrap() error { return s.error }
