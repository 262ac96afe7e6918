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
		Short: "Run all of relay against a simulated Meta, without any set-up",
		Long: `Starts the real relay on a temporary queue and a simulator of the Graph API in the
same process, and plays a day at the till: a few hundred events over HTTP, the
connection down in the middle, a mapping edited while relay runs. Ends with a table in which
every event is accounted for, and exits 0 only if it adds up.`,
		Example: "  relay demo\n  relay demo --serve",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return demo.Run(c.Context(), o, c.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&o.Serve, "serve", false, "stay up afterwards, until interrupted")
	c.Flags().BoolVar(&o.Verbose, "verbose", false, "show relay's own log, too")
	return c
}
