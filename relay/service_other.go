//go:build !windows

package main

import "github.com/spf13/cobra"

// platformCommands is empty: systemd starts relay from a unit file (`relay init`) and
// launchd from a plist. Only Windows needs its own command.
var platformCommands []func() *cobra.Command
