package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/relay/internal/cli"
)

func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "config",
		Short:   "Show the config in effect, and every key there is",
		Example: "  relay config print\n  relay config reference",
		Args:    cli.Args(cobra.NoArgs),
	}
	var defaults bool
	print := &cobra.Command{
		Use:     "print",
		Short:   "Print the config in effect, secrets hidden, with the origin of each value",
		Example: "  relay config print\n  relay config print --defaults",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if defaults {
				return config.Default(".").WriteYAML(c.OutOrStdout())
			}
			cfg, _, err := config.Load(cli.ConfigPath(c), config.Options{})
			if err != nil {
				return err
			}
			return cfg.WriteYAML(c.OutOrStdout())
		},
	}
	cli.AddConfigFlag(print)
	print.Flags().BoolVar(&defaults, "defaults", false, "the defaults, whatever the file says")
	reference := &cobra.Command{
		Use:     "reference",
		Short:   "Print every key with its type, default and meaning (Markdown)",
		Example: "  relay config reference | less",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Reference())
			return err
		},
	}
	c.AddCommand(print, reference)
	return c
}
