// Package cli is what commands have in common: flags, completion, files they read, and the
// relay, or the queue, that they talk to.
package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"relay/relay/internal/exit"

	"github.com/spf13/cobra"
)

// AddConfigFlag gives a command the --config that docs/contract.md 4 promises.
func AddConfigFlag(c *cobra.Command) {
	c.Flags().StringP("config", "c", "relay.yaml", "the config file; without the flag and without one here: "+InstalledConfig())
	_ = c.MarkFlagFilename("config", "yaml", "yml")
}

// ConfigPath is the file --config names. Without the flag, and without a
// relay.yaml in the working directory, it is the one a package has installed.
func ConfigPath(c *cobra.Command) string {
	s, _ := c.Flags().GetString("config")
	if c.Flags().Changed("config") {
		return s
	}
	if _, err := os.Stat(s); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(InstalledConfig()); err == nil {
			return InstalledConfig()
		}
	}
	return s
}

// InstalledConfig is where packages put the config.
func InstalledConfig() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "relay", "relay.yaml")
	}
	return "/etc/relay/relay.yaml"
}

// Args makes a wrong number of arguments a usage error (exit code 2).
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return exit.Usage(fmt.Errorf("%w\nSee '%s --help'", err, c.CommandPath()))
		}
		return nil
	}
}
