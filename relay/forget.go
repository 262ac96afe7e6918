package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/screen"
	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/person"
	"relay/relay/internal/session"
	"relay/relay/internal/spool"
	"relay/relay/internal/term"
)

func newForgetCommand() *cobra.Command {
	var dry, yes, asJSON bool
	c := &cobra.Command{
		Use:   "forget",
		Short: "Remove a person from everything that relay holds",
		Long: `Reads ids, e-mail addresses, phone numbers and order numbers from standard input, one a line;
never from the command line, where other users of the machine could read them.

An event is about the person if the mapping, or an earlier one, makes the same match key of it as
of a line, so every spelling that has the same hash is found; or if the line stands in it as a
word, in any case. A bare number counts only in fields for ids, order numbers or phone numbers.
Names of people are refused: other people have the same name.

Searched and cleaned: waiting events, dead letters, receipts, dropped files (done, refused and
being stored), reports of imports, temporary copies. Quarantined files are removed, since nobody
can search them. Not searched, but named: files that others have put into relay's directories.
Not reached: backups and exports (run this again after a restore), and what Meta has received;
Meta offers no call to delete it.

A hub tells the relays of its stores at their next call. Until then it takes nothing about the
person from them.

--dry-run searches in the same way and changes nothing. More than 1,000 matches need --yes.`,
		Example: "  relay forget --dry-run < person.txt\n  relay forget < person.txt",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			lines, err := person.ReadLines(c.InOrStdin())
			if err != nil {
				return exit.Usage(err)
			}
			names, err := person.Parse(lines)
			if err != nil {
				return exit.Usage(err)
			}
			return cli.WithSession(c, true, func(ctx context.Context, d *session.Session) error {
				out, err := d.Forget(ctx, api.Forget{Lines: lines, DryRun: dry, Yes: yes})
				if err != nil {
					return err
				}
				if err := forgetReports(ctx, c, d, names, &out); err != nil {
					return err
				}
				if asJSON {
					return term.JSONLine(c.OutOrStdout(), out)
				}
				return printForgotten(c.OutOrStdout(), &out)
			})
		},
	}
	cli.AddConfigFlag(c)
	fl := c.Flags()
	fl.BoolVar(&dry, "dry-run", false, "only say what would be removed")
	fl.BoolVar(&yes, "yes", false, "also when more than 1,000 are found")
	fl.BoolVar(&asJSON, "json", false, "the result as a JSON object")
	return c
}

func printForgotten(w io.Writer, f *api.Forgotten) error {
	lines := []string{f.Message}
	for _, u := range f.Unreached {
		lines = append(lines, "not reached: "+u)
	}
	if n := len(f.Stores); n > 0 {
		names := strings.Join(f.Stores[:min(n, 20)], ", ")
		if n > 20 {
			names += fmt.Sprintf(" and %d more", n-20)
		}
		lines = append(lines, "not reached yet: the relays of stores "+names+", which are told at their next call (relay status --stores shows which have not been)")
	}
	lines = append(lines, "not reached: backups and exports of before (after a restore, run this again); what Meta has received")
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, screen.Line(l)); err != nil {
			return err
		}
	}
	return nil
}

// forgetReports looks into the reports of imports. They lie where the imports were
// started, with the rights of whoever did: this command has them, relay may not.
func forgetReports(ctx context.Context, c *cobra.Command, d *session.Session, names []person.Name, out *api.Forgotten) error {
	paths := out.Reports
	out.Reports = nil
	if len(paths) == 0 {
		return nil
	}
	cfg, _, err := config.Load(cli.ConfigPath(c), config.Options{})
	if err != nil {
		return err
	}
	var mappings []*mapper.Mapping
	if m, err := mappingInForce(ctx, d, cfg); err == nil { // without one, the defaults are searched by
		mappings = append(mappings, m)
	}
	look := person.NewMatcher(names, mappings...)
	n, unreached := spool.ForgetReports(ctx, paths, look, out.DryRun)
	out.Found.Reports += n
	out.Unreached = append(out.Unreached, unreached...)
	out.Say()
	return nil
}
