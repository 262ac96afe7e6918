package main

import (
	"github.com/spf13/cobra"

	"relay/relay/internal/cli"
	"relay/relay/internal/demo"
)

func newDemoCommand() *cobra.Command {
	var o demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run relay against a simulated Meta, without any set-up",
		Long: `Starts the real relay with a temporary queue, and a Graph API simulator in the same process,
and plays a day at the till: a few hundred events over HTTP, an outage in the middle, a
mapping edited while relay runs. Prints a final table that accounts for every event, and
exits 0 only if it adds up.`,
		Example: "  relay demo\n  relay demo --serve",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo.Run(c.Context(), o, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.Serve, "serve", false, "keep running afterwards until interrupted")
	c.Flags().BoolVar(&o.Verbose, "verbose", false, "also show relay's log")
	return c
}
