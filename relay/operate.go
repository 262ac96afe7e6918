package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/internal/disk"
	"relay/internal/screen"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/exit"
	"relay/relay/internal/session"
	"relay/relay/internal/term"
)

func newReloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Make the running relay read config and mapping again, and say what came of it",
		Long: `Asks the running relay to read relay.yaml and the mapping again, waits, and prints what is in
force now and what needs a restart. What does not check out is refused with file, line and
column (exit 78), and what was in force stays. It also wakes event sets that are paused.
The same as SIGHUP; works on Windows, too.`,
		Example: "  relay reload\n  relay reload --config /etc/relay/relay.yaml",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return online(c, func(ctx context.Context, client *api.Client) error {
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
				if !r.Success {
					return exit.BadConfig(fmt.Errorf("refused, what was in force stays:\n%s", r.Message))
				}
				if len(r.Changed) == 0 {
					fmt.Fprintln(c.OutOrStdout(), "nothing has changed")
					return nil
				}
				fmt.Fprintf(c.OutOrStdout(), "in force: %s\n", strings.Join(r.Changed, ", "))
				return nil
			})
		},
	}
	addConfigFlag(c)
	return c
}

func newTailCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "tail",
		Short: "Show outcomes as they happen, without personal data",
		Long: `Follows the running relay until it is interrupted: what came in, what Meta accepted, what was
skipped, what became a dead letter and why, and each change of an event set's state.`,
		Example: "  relay tail\n  relay tail --json | jq 'select(.outcome == \"dead\")'",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			out := c.OutOrStdout()
			return online(c, func(ctx context.Context, client *api.Client) error {
				var werr error
				err := client.Tail(ctx, func(o api.Outcome) bool {
					if asJSON {
						werr = term.JSONLine(out, o)
						return werr == nil
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
					_, werr = fmt.Fprintln(out, screen.Line(line))
					return werr == nil
				})
				return cmp.Or(werr, err)
			})
		},
	}
	addConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "JSON lines")
	return c
}

func newHealthCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "health",
		Short:   "Exit 0 when the running relay can store an event durably now",
		Example: "  relay health --config /etc/relay/relay.yaml",
		Long:    "For a container's HEALTHCHECK. It does not depend on Meta: a store server without a\nconnection is healthy.",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return online(c, func(ctx context.Context, client *api.Client) error {
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
	addConfigFlag(c)
	return c
}

func newSupportBundleCommand() *cobra.Command {
	var wait time.Duration
	c := &cobra.Command{
		Use:     "support-bundle FILE.zip",
		Short:   "Collect what support needs: status, metrics, config without secrets, no personal data",
		Example: "  relay support-bundle relay-support.zip",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return withSession(c, false, func(ctx context.Context, d *session.Session) error {
				if d.Offline {
					wait = 0 // nothing moves
				}
				return saveFile(c, args[0], func(f *os.File) error { return d.Support(ctx, wait, f) })
			})
		},
	}
	addConfigFlag(c)
	c.Flags().DurationVar(&wait, "wait", 5*time.Second, "time between the two looks at the metrics")
	return c
}

// saveFile writes a new file whole or not at all; it overwrites nothing.
func saveFile(c *cobra.Command, path string, write func(*os.File) error) error {
	if _, err := os.Lstat(path); err == nil {
		return exit.Usage(fmt.Errorf("%s exists already", path))
	}
	if err := disk.CreateWith(path, 0o600, write); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s written to %s\n", advice.Size(fi.Size()), path)
	return err
}
