// Package logs contains the code of every log line that relay writes, what it means and what to do
// about it. docs/logs.md is generated from it:
//
//	go test ./internal/logs -update
//
// A log call passes its code as a constant of this package:
//
//	log.Warn("queue is full", "code", logs.QueueFull, "reason", why)
//
// Invariant: every log call has a code, is at the level of the code's row, and every row has a
// call. TestCalls checks this in the source.
package logs
