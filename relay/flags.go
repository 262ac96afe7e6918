package main

import "github.com/spf13/cobra"

// addConfigFlag gives a command the --config that CONTRACT section 4 promises.
func addConfigFlag(c *cobra.Command) {
	c.Flags().StringP("config", "c", "relay.yaml", "the config file")
	_ = c.MarkFlagFilename("config", "yaml", "yml")
}

func configPath(c *cobra.Command) string {
	s, _ := c.Flags().GetString("config")
	return s
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
	newLaneCommand,
	newReceiptCommand,
	newReloadCommand,
	newForgetCommand,
	newBackupCommand,
	newHealthCommand,
	newConfigCommand,
	newSchemaCommand,
	newSandboxCommand,
	newSupportBundleCommand,
	newVersionCommand,
}
