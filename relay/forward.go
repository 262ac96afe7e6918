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
		Short:   "Send events that the hub lost to it again",
		Long:    `For a store's relay that forwards everything to a hub (forward.url in relay.yaml).`,
		Example: "  relay forward replay --dry-run",
		Args:    cli.NoArgs,
	}
	c.AddCommand(newForwardReplayCommand())
	return c
}

// hubWaits are the pauses between attempts to reach a hub that does not answer.
var hubWaits = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second}

func newForwardReplayCommand() *cobra.Command {
	var ask api.Replay
	var since string
	var asJSON bool
	c := &cobra.Command{
		Use:   "replay",
		Short: "Send the kept events that the hub lacks",
		Long: `Use it after a hub lost its disk or was restored from a backup. The command asks the hub which
of the copies kept here (forward.keep) it lacks, and sends only those. You can interrupt it and
run it again.

The hub sends these events to Meta again, including those that Meta already has. Meta recognises
the repeats by order_id and event_time for seven days. Try --dry-run first, and limit the replay
with --since if you know when the loss began.`,
		Example: "  relay forward replay --dry-run\n  relay forward replay --since 36h",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch at, err := cli.Since(since); {
			case err != nil:
				return err
			case !at.IsZero():
				ask.Since = at.Format(time.RFC3339Nano)
			}
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				sum := api.Replayed{Success: true, DryRun: ask.DryRun}
				unreached := "" // set if the hub did not answer once, and might have stored what it was sent
				for tries := 0; ; {
					step, err := d.Replay(ctx, ask)
					var refused *api.Error
					if errors.As(err, &refused) && refused.Code == "hub_not_reached" && tries < len(hubWaits) {
						if sleepErr := sleep(ctx, hubWaits[tries]); sleepErr != nil {
							return sleepErr
						}
						tries++
						unreached = " (the hub did not answer for a while and might have received more)"
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
				if sum.DryRun {
					_, err := fmt.Fprintf(out, "%d copies are kept here; the hub lacks %d of them. Dry run: nothing was sent.\n", sum.Kept, sum.Missing)
					return err
				}
				_, err := fmt.Fprintf(out, "%d copies are kept here; sent the %d that the hub lacked%s\n", sum.Kept, sum.Sent, unreached)
				return err
			})
		},
	}
	cli.AddConfigFlag(c)
	fl := c.Flags()
	fl.StringVar(&since, "since", "", "only events received since then: a duration such as 36h, or a time")
	fl.BoolVar(&ask.DryRun, "dry-run", false, "only ask the hub, send nothing")
	fl.BoolVar(&asJSON, "json", false, "print the result as a JSON object")
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
