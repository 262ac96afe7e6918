package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
)

func newReloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make the running relay read config and mapping again, and print the result",
		Long: `Asks the running relay to read relay.yaml and the mapping again, waits, and prints what is in
force now and what needs a restart. What does not check out is refused with file, line and
column (exit 78), and what was in force stays. It also wakes event sets that are paused.
The same as SIGHUP; works on Windows, too. Where several relays share a queue (queue.nats), all of
them do it, each with its own files; exit 75 when none refused them and one does not answer.`,
		Example: "  relay reload\n  relay reload --config /etc/relay/relay.yaml",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Online(c, func(ctx context.Context, client *api.Client) error {
				r, err := client.Reload(ctx)
				if err != nil {
					return err
				}
				for _, w := range r.Warnings {
					fmt.Fprintf(c.ErrOrStderr(), "%s:%d:%d: warning: %s\n", w.File, w.Line, w.Column, w.Message)
				}
				if len(r.NeedRestart) > 0 {
					fmt.Fprintf(c.OutOrStdout(), "need a restart: %s\n", strings.Join(r.NeedRestart, ", "))
				}
				for _, at := range r.Relays {
					switch {
					case !at.Success: // r says it, too
					case len(at.NeedRestart) > 0:
						fmt.Fprintf(c.OutOrStdout(), "at %s: in force: %s; need a restart: %s\n", at.Relay, changedThere(at.Changed), strings.Join(at.NeedRestart, ", "))
					default:
						fmt.Fprintf(c.OutOrStdout(), "at %s: in force: %s\n", at.Relay, changedThere(at.Changed))
					}
				}
				switch {
				case len(r.Changed) > 0: // one of the files, where the other is refused
					fmt.Fprintf(c.OutOrStdout(), "in force: %s\n", strings.Join(r.Changed, ", "))
				case r.Success || r.InForce:
					fmt.Fprintln(c.OutOrStdout(), "nothing has changed")
				}
				return notReloaded(r)
			})
		},
	}
	cli.AddConfigFlag(c)
	return c
}

// notReloaded says where the files are not in force: refused there, or not known.
func notReloaded(r api.ReloadResult) error {
	switch {
	case r.Success:
		return nil
	case !r.InForce:
		return exit.BadConfig(fmt.Errorf("refused, what was in force stays:\n%s", r.Message))
	case r.Code == api.ReloadNoAnswer:
		return exit.TryLater(fmt.Errorf("in force here, but not known of every relay:\n%s", r.Message))
	}
	return exit.BadConfig(fmt.Errorf("in force here, but not at every relay:\n%s", r.Message))
}

// changedThere says what is different now at another relay of the queue.
func changedThere(keys []string) string {
	if len(keys) == 0 {
		return "nothing new"
	}
	return strings.Join(keys, ", ")
}
