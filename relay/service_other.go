//go:build !windows

package main

import "github.com/spf13/cobra"

// platformCommands: systemd runs relay by a unit file (`relay init`), launchd
// by a plist; only Windows needs a command of its own.
var platformCommands []func() *cobra.Command
