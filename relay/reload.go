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
		Short: "Make the running relay reload config and mapping, and print the result",
		Long: `Makes the running relay read relay.yaml and the mapping again, waits, and prints what changed
and what needs a restart. Invalid files are refused with file, line and column (exit 78), and
the previous versions stay in use. Paused event sets are tried again. SIGHUP does the same; this
command also works on Windows. If several relays share a queue (queue.nats), each reloads its
own files; exit 75 means that none refused them but one did not answer.`,
		Example: "  relay reload\n  relay reload --config /etc/relay/relay.yaml",
		Args:    cli.NoArgs,
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
					fmt.Fprintf(c.OutOrStdout(), "needs a restart: %s\n", strings.Join(r.NeedRestart, ", "))
				}
				for _, at := range r.Relays {
					switch {
					case !at.Success: // r.Message contains it
					case len(at.NeedRestart) > 0:
						fmt.Fprintf(c.OutOrStdout(), "%s: reloaded: %s; needs a restart: %s\n", at.Relay, changedThere(at.Changed), strings.Join(at.NeedRestart, ", "))
					default:
						fmt.Fprintf(c.OutOrStdout(), "%s: reloaded: %s\n", at.Relay, changedThere(at.Changed))
					}
				}
				switch {
				case len(r.Changed) > 0: // even if the other file was refused
					fmt.Fprintf(c.OutOrStdout(), "reloaded: %s\n", strings.Join(r.Changed, ", "))
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

// notReloaded returns an error if a relay refused its files or did not answer.
func notReloaded(r api.ReloadResult) error {
	switch {
	case r.Success:
		return nil
	case !r.InForce:
		return exit.BadConfig(fmt.Errorf("refused; the previous files stay in use:\n%s", r.Message))
	case r.Code == api.ReloadNoAnswer:
		return exit.TryLater(fmt.Errorf("reloaded here, but a relay did not answer:\n%s", r.Message))
	}
	return exit.BadConfig(fmt.Errorf("reloaded here, but another relay refused its files:\n%s", r.Message))
}

// changedThere lists what changed at another relay that shares the queue.
func changedThere(keys []string) string {
	if len(keys) == 0 {
		return "nothing has changed"
	}
	return strings.Join(keys, ", ")
}
