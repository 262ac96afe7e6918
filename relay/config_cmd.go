package main

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/exit"
	"relay/relay/internal/maptest"
)

func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Show the config in effect, and every key there is",
		Example: "  relay config print\n  relay config reference",
		Args:    usageArgs(cobra.NoArgs),
	}
	var defaults bool
	print := &cobra.Command{
		Use:     "print",
		Short:   "Print the config in effect, secrets hidden, with the origin of each value",
		Example: "  relay config print\n  relay config print --defaults",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if defaults {
				return config.Default(".").WriteYAML(c.OutOrStdout())
			}
			cfg, _, err := config.Load(configPath(c), config.Options{})
			if err != nil {
				return err
			}
			return cfg.WriteYAML(c.OutOrStdout())
		},
	}
	addConfigFlag(print)
	print.Flags().BoolVar(&defaults, "defaults", false, "the defaults, whatever the file says")
	reference := &cobra.Command{
		Use:     "reference",
		Short:   "Print every key with its type, default and meaning (Markdown)",
		Example: "  relay config reference | less",
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Reference())
			return err
		},
	}
	c.AddCommand(print, reference)
	return c
}

func newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:       "schema config|mapping|tests",
		Short:     "Print the JSON Schema of relay.yaml, of a mapping or of its tests, for editors",
		Example:   "  relay schema mapping > mapping.schema.json",
		ValidArgs: []string{"config", "mapping", "tests"},
		Args:      usageArgs(cobra.ExactArgs(1)),
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
				return exit.Usage(errors.New("want config, mapping or tests"))
			}
			_, err := fmt.Fprintf(c.OutOrStdout(), "%s\n", bytes.TrimSpace(b))
			return err
		},
	}
}
