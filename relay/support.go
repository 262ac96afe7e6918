package main

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/internal/cli"
	"relay/relay/internal/session"
)

func newSupportBundleCommand() *cobra.Command {
	var wait time.Duration
	c := &cobra.Command{
		Use:     "support-bundle FILE.zip",
		Short:   "Collect status, metrics and config for support, without secrets or personal data",
		Example: "  relay support-bundle relay-support.zip",
		Args:    cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				if d.Offline {
					wait = 0 // no metrics change
				}
				return saveFile(c, args[0], func(f *os.File) error { return d.Support(ctx, wait, f) })
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().DurationVar(&wait, "wait", 5*time.Second, "time between the two snapshots of the metrics")
	return c
}
