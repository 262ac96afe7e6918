package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newQueueCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "queue",
		Short:   "List, show and export the waiting events",
		Example: "  relay queue stats\n  relay queue list --event-set 701000000000001\n  relay queue export > waiting.jsonl",
		Args:    cli.NoArgs,
	}
	c.AddCommand(newQueueListCommand(), newQueueShowCommand(), newQueueExportCommand(), newQueueStatsCommand())
	return c
}

// queueFlags are the filters of the `relay queue` commands.
type queueFlags struct {
	set, event, since string
	limit             int
}

func (f *queueFlags) add(c *cobra.Command) {
	cli.AddConfigFlag(c)
	c.Flags().StringVar(&f.set, "event-set", "", `only for this event set id, or "unmapped"`)
	c.Flags().StringVar(&f.event, "event", "", "only with this event name")
	c.Flags().StringVar(&f.since, "since", "", "only received since then: 2h, 7d, or a time")
	c.Flags().IntVar(&f.limit, "limit", 0, "at most this many")
}

func (f *queueFlags) filter() (api.QueueFilter, error) {
	at, err := cli.Since(f.since)
	return api.QueueFilter{EventSet: f.set, Event: f.event, Since: at, Limit: f.limit}, err
}

func newQueueListCommand() *cobra.Command {
	var f queueFlags
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List waiting events, oldest first",
		Example: "  relay queue list --event 'Order Completed' --limit 20",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				if asJSON {
					return term.JSONLines(out, func(fn func(api.Queued) bool) error { return d.Queued(ctx, filter, fn) })
				}
				const most = 200 // rows of a table, unless --limit is given
				capped := filter.Limit == 0
				if capped {
					filter.Limit = most
				}
				n := 0
				t := term.NewTable(out, "ID", "RECEIVED", "EVENT", "EVENT SETS", "MESSAGE ID", "BYTES")
				err := d.Queued(ctx, filter, func(x api.Queued) bool {
					n++
					t.Row(x.ID, term.Stamp(x.ReceivedAt), term.Cell(x.Event, 32), strings.Join(x.EventSets, " "), term.Cell(x.MessageID, 40), fmt.Sprint(x.Bytes))
					return true
				})
				if err != nil {
					return err
				}
				if n == 0 {
					fmt.Fprintln(out, "no events are waiting")
					return nil
				}
				if err := t.Flush(); err != nil {
					return err
				}
				if capped && n == most {
					fmt.Fprintf(out, "the first %d are shown; use --limit or --json for more\n", n)
				}
				return nil
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines, without a limit")
	return c
}

func newQueueShowCommand() *cobra.Command {
	c := newShowCommand((*session.Session).QueuedEvent)
	c.Short = "Show one waiting event"
	c.Long = "Shows a waiting event as JSON. Customers' data in it is masked unless --show-pii is given."
	c.Example = "  relay queue show 1-2\n  relay queue list --json | jq -r .id"
	return c
}

func newQueueExportCommand() *cobra.Command {
	var f queueFlags
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the complete waiting events as JSON lines",
		Long: `Writes every waiting event as it arrived, including customers' data. Prints to standard error
how many there are and when they expire. Store the output safely and delete it when they
have expired.`,
		Example: "  relay queue export --since 2h > waiting.jsonl",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter()
			if err != nil {
				return err
			}
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				var out cli.Exported
				err := term.Each(func(fn func(api.Queued) bool) error { return d.ExportQueue(ctx, filter, fn) }, func(x api.Queued) error {
					out.Add(x.ReceivedAt)
					return term.JSONLine(c.OutOrStdout(), x)
				})
				return cmp.Or(err, out.Say(c.ErrOrStderr()))
			})
		},
	}
	f.add(c)
	return c
}

func newQueueStatsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "stats",
		Short:   "Show the totals of the queue",
		Example: "  relay queue stats\n  relay queue stats --json | jq .bytes",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				q, err := d.QueueInfo(ctx)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				if asJSON {
					return term.JSONLine(out, q)
				}
				t := term.NewTable(out, "WHAT", "HOW MUCH")
				t.Row("waiting conversions", fmt.Sprint(q.Pending))
				t.Row("unmapped events, kept", fmt.Sprint(q.Unmapped))
				t.Row("oldest", term.StampPtr(q.OldestAt))
				t.Row("dead letters", fmt.Sprint(q.Dead))
				t.Row("segments", fmt.Sprint(q.Segments))
				t.Row("on disk", advice.Size(q.Bytes))
				t.Row("limit", advice.Size(q.MaxBytes))
				t.Row("free on the volume", advice.Size(q.DiskFree))
				t.Row("damaged chunks", fmt.Sprint(q.DamagedChunks))
				t.Row("events lost in them", fmt.Sprint(q.LostRecords))
				t.Row("quarantined files (.bad)", fmt.Sprint(q.BadFiles))
				if words := droppedWords(q.Dropped); words != "" {
					t.Row("dropped", words)
				}
				if len(q.Keys) > 0 {
					t.Row("encrypted with keys", strings.Join(q.Keys, ", "))
				}
				return t.Flush()
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
