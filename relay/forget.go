package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

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
		Short: "Remove a person from everything that relay stores",
		Long: `Reads ids, e-mail addresses, phone numbers and order numbers from standard input, one per
line, and never from the command line, where other users of the machine could read them.

An event matches if a match key that the mapping, or an earlier mapping, takes from it equals
the match key of a line. That finds every spelling with the same hash. An event also matches
if it contains the line as a word, in any case. A bare number matches only in fields for ids,
order numbers or phone numbers. Names of people are refused: other people share them.

Searched and cleaned: waiting events, dead letters, receipts, spool files (done, refused and in
progress), import reports, temporary copies. Quarantined files are removed, because they cannot
be searched. Listed, but not searched: files that others put into relay's directories. Not
reached: backups and exports (run this again after a restore), and what Meta has received. Meta
has no call to delete it.

A hub passes the request to the relays of its stores at their next call. Until then it accepts
nothing about the person from them.

--dry-run searches in the same way and changes nothing. More than 1,000 matches require --yes.`,
		Example: "  relay forget --dry-run < person.txt\n  relay forget < person.txt",
		Args:    cli.NoArgs,
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
				if ctx.Err() != nil && err != nil && !dry {
					return fmt.Errorf("%w: relay completes what it has begun to remove; run the command again to see whether anything is left", err)
				}
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
	fl.BoolVar(&dry, "dry-run", false, "only show what would be removed")
	fl.BoolVar(&yes, "yes", false, "remove even more than 1,000 matches")
	fl.BoolVar(&asJSON, "json", false, "print the result as a JSON object")
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
		lines = append(lines, "not reached yet: the relays of stores "+names+"; each gets the request at its next call (`relay status --stores` shows which have not)")
	}
	lines = append(lines, "not reached: earlier backups and exports (run this again after a restore), and what Meta has received")
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, screen.Line(l)); err != nil {
			return err
		}
	}
	return nil
}

// forgetReports searches and cleans the reports of imports. They belong to the user who
// started the import: this command can usually read them, the running relay might not.
func forgetReports(ctx context.Context, c *cobra.Command, d *session.Session, names []person.Name, out *api.Forgotten) error {
	paths := out.Reports
	out.Reports = nil
	if len(paths) == 0 {
		return nil
	}
	cfg, _, err := cli.LoadConfig(c)
	if err != nil {
		return err
	}
	var mappings []*mapper.Mapping
	if m, err := mappingInForce(ctx, d, cfg); err == nil { // without one, the matcher uses the defaults
		mappings = append(mappings, m)
	}
	look := person.NewMatcher(names, mappings...)
	n, unreached := spool.ForgetReports(ctx, paths, look, out.DryRun)
	out.Found.Reports += n
	out.Unreached = append(out.Unreached, unreached...)
	out.Say()
	return nil
}
