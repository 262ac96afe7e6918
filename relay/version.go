package main

import (
	"encoding/json"
	"fmt"
	"runtime"

	"relay/relay/internal/cli"
	"relay/relay/internal/sidecar"

	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  relay version --json",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b := sidecar.Build()
			if asJSON {
				return json.NewEncoder(c.OutOrStdout()).Encode(b)
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "relay %s (%s, %s/%s)\n", b.Version, b.GoVersion, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}
