package jetstream

import "relay/queue"

// Errors of the contract in the words of this engine.
var (
	errStalled     error = said{queue.ErrStalled, "the NATS servers did not answer in time"}
	errNotShown    error = said{errStalled, "no server shows a message"}
	errUnavailable error = said{queue.ErrUnavailable, "the NATS servers take no writes"}
)

// said is an error with other words.
type said struct {
	error
	words string
}

func (s said) Error() string { return s.words }

// Unwrap makes it that error for who chooses by it.
func (s said) Unwrap() error { return s.error }
