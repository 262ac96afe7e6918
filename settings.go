// Package relay holds the documented default of relay.yaml, for `relay init`.
// The program is in ./relay.
package relay

import _ "embed"

// DefaultConfig is relay.yaml as it lies here. A test of package config loads
// it and compares its comments with the code.
//
//go:embed relay.yaml
var DefaultConfig string
