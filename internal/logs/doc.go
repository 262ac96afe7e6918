// Package logs has the code of every log line that relay writes, with what it
// means and what a person does about it. docs/logs.md is made from it:
//
//	go test ./internal/logs -update
//
// A log call passes its code as a constant of this package:
//
//	log.Warn("queue is full", "code", logs.QueueFull, "reason", why)
//
// Invariant: every call does, each code is logged at the level of its row, and
// no row is without a call. TestCalls reads the source to prove it.
package logs
