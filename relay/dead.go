package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newDeadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dead",
		Short: "List dead letters, send them again or remove them",
		Long: `Dead letters are conversions and messages that cannot be delivered as they are. relay
keeps them with the reason. Fix the cause, usually in the mapping, then send them through
the current mapping with "relay dead retry".`,
		Example: `  relay dead list
  relay dead show 0000000100000000
  relay dead retry --reason missing_currency --dry-run
  relay dead retry --reason missing_currency`,
		Args: cli.NoArgs,
	}
	c.AddCommand(newDeadListCommand(), newDeadShowCommand(), newDeadRetryCommand(), newDeadDropCommand(), newDeadExportCommand())
	return c
}

// deadFlags are the filters of the `relay dead` commands.
type deadFlags struct {
	reason, event, set, since string
	limit                     int
}

func (f *deadFlags) add(c *cobra.Command) {
	cli.AddConfigFlag(c)
	c.Flags().StringVar(&f.reason, "reason", "", "only with this reason, such as missing_currency or rejected")
	c.Flags().StringVar(&f.event, "event", "", "only with this event name")
	c.Flags().StringVar(&f.set, "event-set", "", "only for this event set id")
	c.Flags().StringVar(&f.since, "since", "", "only received since then: 2h, 7d, or a time")
}

func (f *deadFlags) filter(ids []string) (api.DeadFilter, error) {
	at, err := cli.Since(f.since)
	return api.DeadFilter{IDs: ids, Reason: f.reason, Event: f.event, EventSet: f.set, Since: at, Limit: f.limit}, err
}

func newDeadListCommand() *cobra.Command {
	var f deadFlags
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List dead letters, oldest first",
		Example: "  relay dead list --reason rejected --since 7d\n  relay dead list --json | jq -r .id",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter(nil)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				if asJSON {
					return term.JSONLines(out, func(fn func(api.Dead) bool) error { return d.Dead(ctx, filter, fn) })
				}
				const most = 200 // rows of a table, unless --limit is given
				all := filter
				all.Limit = 0
				sum, err := d.DeadSummary(ctx, all)
				if err != nil {
					return err
				}
				if filter.Limit == 0 {
					filter.Limit = most
				}
				t := term.NewTable(out, "ID", "RECEIVED", "EVENT", "EVENT SET", "REASON", "MESSAGE")
				n := 0
				err = d.Dead(ctx, filter, func(x api.Dead) bool {
					n++
					t.Row(x.ID, term.Stamp(x.ReceivedAt), term.Cell(x.Event, 28), x.EventSet, x.Reason, term.Cell(x.Message, 60))
					return true
				})
				if err != nil {
					return err
				}
				if n > 0 {
					if err := t.Flush(); err != nil {
						return err
					}
				}
				fmt.Fprintf(out, "%s", term.Count(sum.Total, "dead letter"))
				if s := term.Tally(sum.Reasons); s != "" {
					fmt.Fprintf(out, ": %s", s)
				}
				if n < sum.Total {
					fmt.Fprintf(out, " (the first %d are shown; use --limit or --json for more)", n)
				}
				fmt.Fprintln(out)
				return nil
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&f.limit, "limit", 0, "show at most this many (default: 200 in a table, all with --json)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func newDeadShowCommand() *cobra.Command {
	c := newShowCommand((*session.Session).DeadLetter)
	c.ValidArgsFunction = cli.CompleteDead
	c.Short = "Show one dead letter with its event"
	c.Long = "Shows everything known about a dead letter as JSON. Customers' data in the event is\nmasked unless --show-pii is given."
	c.Example = "  relay dead show 0000000100000000"
	return c
}

// newShowCommand returns a `show ID` command that prints what get returns. Its
// --show-pii asks get for the full event.
func newShowCommand[T any](get func(d *session.Session, ctx context.Context, id string, full bool) (T, error)) *cobra.Command {
	var full bool
	c := &cobra.Command{
		Use:  "show ID",
		Args: cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				x, err := get(d, ctx, args[0], full)
				if err != nil {
					return err
				}
				return term.JSON(c.OutOrStdout(), x)
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&full, "show-pii", false, "show the event as it arrived, customers' data included")
	return c
}

func newDeadRetryCommand() *cobra.Command {
	var f deadFlags
	var a api.DeadAction
	var asJSON, yes bool
	c := &cobra.Command{
		Use:               "retry [ID…]",
		ValidArgsFunction: cli.CompleteDead,
		Short:             "Send dead letters through the current mapping again",
		Long: `Puts dead letters back into the queue: for the same event set if the mapping still sends
them there, otherwise for the sets it names now. What other sets already received is not
sent to them again. --dry-run shows how many would be sent.

The command asks before it sends events that Meta might count twice: those whose messageId
belongs to another event (id_conflict), which get a new id, and those that Meta never
answered (unanswered), which it might already have.`,
		Example: `  relay dead retry --reason missing_currency --dry-run
  relay dead retry --reason missing_currency
  relay dead retry 0000000100000000`,
		RunE: func(c *cobra.Command, args []string) error {
			filter, err := f.filter(args)
			if err != nil {
				return err
			}
			a.DeadFilter = filter
			if filter.Empty() && !a.All {
				return exit.Usage(errors.New("name the dead letters: give ids, a filter, or --all"))
			}
			return cli.WithSession(c, !a.DryRun, func(ctx context.Context, d *session.Session) error {
				if !a.DryRun && !yes {
					if err := askFirst(ctx, c, d, a); err != nil {
						return err
					}
				}
				r, err := d.RetryDead(ctx, a)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				missing := missingIDs(args, r.Matched)
				if asJSON {
					return errors.Join(term.JSONLine(out, r), missing)
				}
				if r.DryRun {
					fmt.Fprintf(out, "%s selected: %d would be sent", term.Count(r.Matched, "dead letter"), r.Pass)
					if s := term.Tally(r.Skip); s != "" {
						fmt.Fprintf(out, "; not sent: %s", s)
					}
					if s := term.Tally(r.Hold); s != "" {
						fmt.Fprintf(out, "; dead letters again: %s", s)
					}
					if r.OwnIDs > 0 {
						fmt.Fprintf(out, "; %d under a new id", r.OwnIDs)
					}
					if r.InDoubt > 0 {
						fmt.Fprintf(out, "; %d might be at Meta already", r.InDoubt)
					}
					if r.Unrouted > 0 {
						fmt.Fprintf(out, "; %d stay: %s", r.Unrouted, r.WhyStay)
					}
					fmt.Fprintln(out, ". Dry run: nothing was changed.")
					return missing
				}
				fmt.Fprintf(out, "%d of %s put back into the queue", r.Redriven, term.Count(r.Matched, "dead letter"))
				if r.Unrouted > 0 {
					fmt.Fprintf(out, "; %d stay: %s", r.Unrouted, r.WhyStay)
				}
				fmt.Fprintln(out, ".")
				if d.Offline && r.Redriven > 0 {
					fmt.Fprintln(out, "relay is not running. It sends them after its next start.")
				}
				if r.Failed != "" {
					return fmt.Errorf("stopped early: %s", r.Failed)
				}
				return missing
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&a.All, "all", false, "retry every dead letter")
	c.Flags().BoolVar(&a.DryRun, "dry-run", false, "change nothing, show how many would be sent")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

// missingIDs returns an error if fewer dead letters were selected than ids were given.
func missingIDs(ids []string, selected int) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	if n := len(ids) - selected; n > 0 {
		return fmt.Errorf("%s given selected no dead letter: `relay dead list` shows those that exist", term.Count(n, "id"))
	}
	return nil
}

// askFirst asks before events are sent that Meta might count twice: id conflicts, which
// get a new id although both events might be the same sale, and events that Meta did not
// answer but might have stored.
func askFirst(ctx context.Context, c *cobra.Command, d *session.Session, a api.DeadAction) error {
	for _, reason := range []string{mapper.ReasonIDConflict, mapper.ReasonUnanswered} {
		if a.Reason != "" && a.Reason != reason {
			continue
		}
		of := a
		of.DryRun, of.Reason = true, reason
		r, err := d.RetryDead(ctx, of)
		if err != nil {
			return err
		}
		question := ""
		switch {
		case r.OwnIDs > 0:
			question = term.Count(r.OwnIDs, "dead letter") + " arrived with the messageId of another event and will be sent under a new id. " +
				"Meta will count both events. Send?"
		case r.InDoubt > 0:
			question = "Meta did not answer for " + term.Count(r.InDoubt, "dead letter") + " and might have stored them. It recognises " +
				"the repeat for seven days, if the mapping has not changed. Send?"
		default:
			continue
		}
		if err := term.Confirm(c, false, question); err != nil {
			return err
		}
	}
	return nil
}

func newDeadDropCommand() *cobra.Command {
	var f deadFlags
	var a api.DeadAction
	var yes bool
	c := &cobra.Command{
		Use:               "drop [ID…]",
		ValidArgsFunction: cli.CompleteDead,
		Short:             "Remove dead letters permanently",
		Example:           "  relay dead drop --reason expired --since 90d --dry-run\n  relay dead drop --reason expired",
		RunE: func(c *cobra.Command, args []string) error {
			filter, err := f.filter(args)
			if err != nil {
				return err
			}
			a.DeadFilter = filter
			if filter.Empty() && !a.All {
				return exit.Usage(errors.New("name the dead letters: give ids, a filter, or --all"))
			}
			return cli.WithSession(c, !a.DryRun, func(ctx context.Context, d *session.Session) error {
				if !a.DryRun {
					dry := a
					dry.DryRun = true
					r, err := d.DropDead(ctx, dry)
					if err != nil {
						return err
					}
					if r.Matched == 0 && len(args) > 0 {
						return missingIDs(args, 0)
					}
					if err := term.Confirm(c, yes, fmt.Sprintf("Remove %s permanently?", term.Count(r.Matched, "dead letter"))); err != nil {
						return err
					}
				}
				r, err := d.DropDead(ctx, a)
				if err != nil {
					return err
				}
				if r.DryRun {
					fmt.Fprintf(c.OutOrStdout(), "%s would be removed. Dry run: nothing was changed.\n", term.Count(r.Matched, "dead letter"))
					return missingIDs(args, r.Matched)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s removed.\n", term.Count(r.Dropped, "dead letter"))
				return missingIDs(args, r.Matched)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&a.All, "all", false, "remove every dead letter")
	c.Flags().BoolVar(&a.DryRun, "dry-run", false, "change nothing, show how many would be removed")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func newDeadExportCommand() *cobra.Command {
	var f deadFlags
	c := &cobra.Command{
		Use:   "export",
		Short: "Write dead letters with their complete events as JSON lines",
		Long: `Writes every dead letter with its event as it arrived, including customers' data. Prints to
standard error how many there are and when they expire. Store the output safely and delete
it when they have expired.`,
		Example: "  relay dead export --reason rejected > rejected.jsonl",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter(nil)
			if err != nil {
				return err
			}
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				var out cli.Exported
				err := term.Each(func(fn func(api.DeadDetail) bool) error { return d.ExportDead(ctx, filter, fn) }, func(x api.DeadDetail) error {
					out.Add(x.ReceivedAt)
					return term.JSONLine(c.OutOrStdout(), x)
				})
				return cmp.Or(err, out.Say(c.ErrOrStderr()))
			})
		},
	}
	f.add(c)
	c.Flags().IntVar(&f.limit, "limit", 0, "write at most this many")
	return c
}
