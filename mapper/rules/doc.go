// Package rules reads a mapping file: which events become which conversions, where they go
// and how their fields are found.
//
//	mapping.yaml ── Parse ──► Rules ──► package mapper, which maps events by them
//
// Rules never change once read. What is written in a mapping and can never work (a constant
// that is no amount, an id that is none) is an error with its line, what is legal but
// probably not meant a warning, and each says what to write.
//
// parse.go is the order in which the keys are read; rules.go and the files beside it are
// what they become. A new key is a field there and its reading in a parse_*.go file.
//
// What can hurt you: what a check takes here package mapper must take from an event too.
// Both call the same functions: Fits, PageID, IsWebAddress, and those of money, match and
// event.
package rules
