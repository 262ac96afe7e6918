package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newForwardCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "forward",
		Short:   "Send the hub again what it has lost",
		Long:    `For a relay that hands everything to another one, its hub (forward.url in relay.yaml).`,
		Example: "  relay forward replay --dry-run",
		Args:    cli.Args(cobra.NoArgs),
	}
	c.AddCommand(newForwardReplayCommand())
	return c
}

// hubWaits are the times after which a hub that does not answer is asked again.
var hubWaits = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}

func newForwardReplayCommand() *cobra.Command {
	var ask api.Replay
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send the hub the kept events that it lacks",
		Long: `After a hub has lost its disk, or was restored from a backup: asks it which of the copies that
are kept here (forward.keep) it lacks, and hands over those alone. It may be stopped and run again.

What the hub had sent to Meta before is sent once more: Meta recognises it by order_id and
event_time, for seven days. Look with --dry-run first, and give --since when it is known since
when the hub lacks something.`,
		Example: "  relay forward replay --dry-run\n  relay forward replay --since 36h",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				sum := api.Replayed{Success: true, DryRun: ask.DryRun}
				away := "" // whether the hub was, and may have taken what it did not answer
				for tries := 0; ; {
					step, err := d.Replay(ctx, ask)
					var refused *api.Error
					if errors.As(err, &refused) && refused.Code == "hub_not_reached" && tries < len(hubWaits) {
						if sleepErr := sleep(ctx, hubWaits[tries]); sleepErr != nil {
							return sleepErr
						}
						tries++
						away = " (besides what it took and could not answer for: it was away meanwhile)"
						continue
					}
					if refused != nil && (refused.Code == "hub_not_reached" || refused.Code == "not_running") {
						return exit.TryLater(err)
					}
					if err != nil {
						return err
					}
					tries = 0
					sum.Kept, sum.Missing, sum.Sent = sum.Kept+step.Kept, sum.Missing+step.Missing, sum.Sent+step.Sent
					if step.Next == "" {
						break
					}
					ask.From = step.Next
				}
				out := c.OutOrStdout()
				if asJSON {
					return term.JSONLine(out, sum)
				}
				done := "were handed over"
				n := sum.Sent
				if sum.DryRun {
					done, n = "would be handed over, nothing was sent", sum.Missing
				}
				_, err := fmt.Fprintf(out, "%d copies are kept here; %d that the hub lacks %s%s\n", sum.Kept, n, done, away)
				return err
			})
		},
	}
	cli.AddConfigFlag(c)
	fl := c.Flags()
	fl.StringVar(&ask.Since, "since", "", "only what was received since then: a duration such as 36h, or a time")
	fl.BoolVar(&ask.DryRun, "dry-run", false, "only ask the hub, hand over nothing")
	fl.BoolVar(&asJSON, "json", false, "the result as a JSON object")
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
