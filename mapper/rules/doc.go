// Package rules parses a mapping file: which events become which conversions, where they go,
// and where the values of their fields come from.
//
//	mapping.yaml ── Parse ──► Rules ──► package mapper
//
// Rules never change after Parse. A mapping entry that can never work (a constant that is not
// an amount, an invalid id) is an error with its line. An entry that is legal but probably a
// mistake is a warning. Both say what to write instead.
//
// parse.go determines the order in which keys are read; rules.go and the files next to it define
// the results. A new key needs a field there and code in a parse_*.go file.
//
// Caution: package mapper must accept from an event what a check here accepts as a constant.
// Both use the same functions: Fits, PageID, IsWebAddress, and those of money, match and event.
package rules
