package main

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/maptest"
)

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema config|mapping|tests",
		Short:     "Print the JSON Schema of relay.yaml, mappings or mapping tests, for editors",
		Example:   "  relay schema mapping > mapping.schema.json",
		ValidArgs: []string{"config", "mapping", "tests"},
		Args:      cli.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var b []byte
			switch args[0] {
			case "config":
				b = config.Schema()
			case "mapping":
				b = mapper.Schema()
			case "tests":
				b = maptest.Schema()
			default:
				return exit.Usage(fmt.Errorf("unknown schema %q: expected config, mapping or tests", args[0]))
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s\n", bytes.TrimSpace(b))
			return err
		},
	}
}
