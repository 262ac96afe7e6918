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
		Short:   "Show the config in effect, or the reference of all keys",
		Example: "  relay config print\n  relay config reference",
		Args:    cli.NoArgs,
	}
	var defaults bool
	print := &cobra.Command{
		Use:     "print",
		Short:   "Print the config in effect and the origin of each value, with secrets hidden",
		Example: "  relay config print\n  relay config print --defaults",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if defaults {
				return config.Default(".").WriteYAML(c.OutOrStdout())
			}
			cfg, _, err := cli.LoadConfig(c)
			if err != nil {
				return err
			}
			return cfg.WriteYAML(c.OutOrStdout())
		},
	}
	cli.AddConfigFlag(print)
	print.Flags().BoolVar(&defaults, "defaults", false, "print the defaults and ignore the config file")
	reference := &cobra.Command{
		Use:     "reference",
		Short:   "Print every key with its type, default and meaning (Markdown)",
		Example: "  relay config reference | less",
		Args:    cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), config.Reference())
			return err
		},
	}
	c.AddCommand(print, reference)
	return c
}
