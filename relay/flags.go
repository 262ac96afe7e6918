package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"
)

// addConfigFlag gives a command the --config that docs/contract.md 4 promises.
func addConfigFlag(c *cobra.Command) {
	c.Flags().StringP("config", "c", "relay.yaml", "the config file; without the flag and without one here: "+installedConfig())
	_ = c.MarkFlagFilename("config", "yaml", "yml")
}

// configPath is the file --config names. Without the flag, and without a
// relay.yaml in the working directory, it is the one a package has installed.
func configPath(c *cobra.Command) string {
	s, _ := c.Flags().GetString("config")
	if c.Flags().Changed("config") {
		return s
	}
	if _, err := os.Stat(s); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(installedConfig()); err == nil {
			return installedConfig()
		}
	}
	return s
}

// installedConfig is where packages put the config.
func installedConfig() string {
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("ProgramData"), "relay", "relay.yaml")
	}
	return "/etc/relay/relay.yaml"
}

// commands lists every command, in the order of the help page.
var commands = []func() *cobra.Command{
	newRunCommand,
	newDemoCommand,
	newInitCommand,
	newCheckCommand,
	newDoctorCommand,
	newMapCommand,
	newTestCommand,
	newStatusCommand,
	newTailCommand,
	newQueueCommand,
	newDeadCommand,
	newImportCommand,
	newSpoolCommand,
	newLaneCommand,
	newReceiptCommand,
	newTLSCommand,
	newReloadCommand,
	newForgetCommand,
	newForwardCommand,
	newPageCommand,
	newOfflineCommand,
	newBackupCommand,
	newRestoreCommand,
	newHealthCommand,
	newConfigCommand,
	newSchemaCommand,
	newSandboxCommand,
	newSupportBundleCommand,
	newVersionCommand,
	newManCommand,
}
