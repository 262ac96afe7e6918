package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/internal/api"
	"relay/relay/internal/cli"
)

func newHealthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "health",
		Short:   "Exit 0 if the running relay can store events now",
		Example: "  relay health --config /etc/relay/relay.yaml",
		Long:    "For a container's HEALTHCHECK. The result does not depend on Meta: a relay without an\ninternet connection is healthy.",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Online(c, func(ctx context.Context, client *api.Client) error {
				ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
				defer cancel()
				if err := client.Ready(ctx); err != nil {
					return err
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), "ready")
				return err
			})
		},
	}
	cli.AddConfigFlag(c)
	return c
}
