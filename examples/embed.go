// Package examples holds the example settings and events for users to copy. `relay demo` and the
// tests use them too. Every file is loaded by a test.
package examples

import "embed"

// FS holds the example files.
//
//go:embed *.yaml *.json *.jsonl
var FS embed.FS
