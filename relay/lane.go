package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newLaneCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lane",
		Short: "Pause or resume an event set, move or remove its waiting events",
		Long: `A lane delivers the events of one event set. Lanes are independent: one that fails never
delays another. When an event set leaves the mapping, its lane becomes "retired" and keeps
its waiting events until you move or drop them here.`,
		Example: "  relay lane list\n  relay lane pause 701000000000001\n  relay lane move 701000000000001 701000000000002",
		Args:    cli.NoArgs,
	}
	c.AddCommand(newLaneListCommand(),
		newLaneActCommand("pause", "Stop sending to an event set and keep its events", (*api.Client).PauseLane),
		newLaneActCommand("resume", "Resume sending to an event set, also if an error paused it", (*api.Client).ResumeLane),
		newLaneMoveCommand(), newLaneDropCommand())
	return c
}

func newLaneListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the event sets and their waiting events",
		Example: "  relay lane list\n  relay lane list --json | jq 'select(.pending > 0)'",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.WithSession(c, false, func(ctx context.Context, d *session.Session) error {
				lanes, err := d.Lanes(ctx)
				if err != nil {
					return err
				}
				out := c.OutOrStdout()
				t := term.NewTable(out, "EVENT SET", "NAME", "STATE", "WAITING", "SIZE", "OLDEST", "TOTAL SO FAR")
				for _, l := range lanes {
					if asJSON {
						if err := term.JSONLine(out, l); err != nil {
							return err
						}
						continue
					}
					t.Row(l.Lane, l.Name, l.State, fmt.Sprint(l.Pending), advice.Size(l.Bytes), term.StampPtr(l.OldestAt), term.Tally(l.Counts))
				}
				if asJSON {
					return nil
				}
				return t.Flush()
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	return c
}

func newLaneActCommand(name, short string, act func(*api.Client, context.Context, string) (api.Done, error)) *cobra.Command {
	c := &cobra.Command{
		Use:     name + " EVENT-SET",
		Short:   short,
		Example: "  relay lane " + name + " 701000000000001",
		Args:    cli.ExactArgs(1),

		ValidArgsFunction: cli.CompleteFirst(cli.CompleteEventSets),
		RunE: func(c *cobra.Command, args []string) error {
			return cli.Online(c, func(ctx context.Context, client *api.Client) error {
				done, err := act(client, ctx, args[0])
				return printDone(c, done, err)
			})
		},
	}
	cli.AddConfigFlag(c)
	return c
}

func newLaneMoveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "move FROM TO",
		Example: "  relay lane move 701000000000001 701000000000002",
		Short:   "Move the waiting events of one event set to another",
		Args:    cli.ExactArgs(2),

		ValidArgsFunction: cli.CompleteEventSets,
		RunE: func(c *cobra.Command, args []string) error {
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				done, err := d.MoveLane(ctx, args[0], args[1])
				return printDone(c, done, err)
			})
		},
	}
	cli.AddConfigFlag(c)
	return c
}

func newLaneDropCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:     "drop EVENT-SET",
		Example: "  relay lane drop 701000000000001",
		Short:   "Remove the waiting events of an event set permanently",
		Args:    cli.ExactArgs(1),

		ValidArgsFunction: cli.CompleteFirst(cli.CompleteEventSets),
		RunE: func(c *cobra.Command, args []string) error {
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				if err := term.Confirm(c, yes, fmt.Sprintf("Remove all waiting events of event set %s permanently?", args[0])); err != nil {
					return err
				}
				done, err := d.DropLane(ctx, args[0], args[0])
				return printDone(c, done, err)
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func printDone(c *cobra.Command, d api.Done, err error) error {
	if err != nil {
		return err
	}
	if d.Message == "" {
		d.Message = "done"
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), d.Message)
	return err
}
