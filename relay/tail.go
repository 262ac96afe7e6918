package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"relay/internal/screen"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/term"
)

func newTailCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "tail",
		Short: "Show outcomes as they happen, without personal data",
		Long: `Follows the running relay until interrupted. Shows received events, events that Meta accepted,
skipped events, dead letters with their reasons, and state changes of event sets.`,
		Example: "  relay tail\n  relay tail --json | jq 'select(.outcome == \"dead\")'",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			return cli.Online(c, func(ctx context.Context, client *api.Client) error {
				return term.Each(func(fn func(api.Outcome) bool) error { return client.Tail(ctx, fn) }, func(o api.Outcome) error {
					if asJSON {
						return term.JSONLine(out, o)
					}
					line := fmt.Sprintf("%s  %-9s  %-15s  %s  %s", o.Time.Local().Format(time.TimeOnly), o.Outcome, o.EventSet, o.Event, o.MessageID)
					if o.Reason != "" {
						line += "  " + o.Reason
					}
					if o.Count > 1 {
						line += fmt.Sprintf("  × %d", o.Count)
					}
					if o.Message != "" {
						line += "  " + o.Message
					}
					_, err := fmt.Fprintln(out, screen.Line(line))
					return err
				})
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}
