// Package examples holds the settings and events that people copy, and that
// `relay demo` and the tests use. Every file in it is loaded by a test.
package examples

import "embed"

// FS holds the example files.
//
//go:embed *.yaml *.json *.jsonl
var FS embed.FS
