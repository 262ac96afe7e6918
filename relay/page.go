package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"relay/internal/screen"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/term"
)

func newPageCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "page",
		Short: "Print a link that signs a browser in to the status page",
		Long: `Without signing in, the page shows only numbers: no dead letters, no events, no file
contents, and it cannot change anything. The link works once, within a minute. The browser
tab that opens it stays signed in for 12 hours, or until relay stops. Anyone with access to
admin.socket can print a link. For a relay on another machine, forward its port and print
the link there:

  ssh -N -L 8586:127.0.0.1:8586 store-42
  ssh store-42 relay page`,
		Example: "  relay page\n  xdg-open \"$(relay page)\"",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Online(c, func(ctx context.Context, client *api.Client) error {
				l, err := client.PageLink(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return term.JSONLine(c.OutOrStdout(), l)
				}
				_, err = fmt.Fprintln(c.OutOrStdout(), screen.Line(l.URL))
				return err
			})
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
