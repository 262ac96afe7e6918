package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/mapper"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/maptest"
	"relay/relay/internal/term"
)

func newTestCommand() *cobra.Command {
	var mapping string
	c := &cobra.Command{
		Use:   "test [--mapping FILE] [TESTS…]",
		Short: "Run the tests of a mapping: events in, expected conversions out",
		Long: `Runs the tests that lie beside the mapping (mapping.test.yaml for mapping.yaml) or
in the files named. A test is an event and what must become of it: sent where and
with what, skipped or held for which reason. 'relay check' runs those beside the
mapping too. Their form: 'relay schema tests'. No network, no queue.

Exits 0 when all pass, 1 when one fails, 78 when the mapping or the tests are bad.`,
		Example: `  relay test --mapping examples/mapping.yaml
  relay test --config /etc/relay/relay.yaml more-tests.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			if mapping == "" {
				cfg, err := configWithMapping(cli.ConfigPath(c))
				if err != nil {
					return err
				}
				mapping = cfg.Mapping
			}
			src, err := config.ReadSource(mapping)
			if err != nil {
				return exit.BadConfig(fmt.Errorf("read mapping: %w", err))
			}
			m, _, err := mapper.Parse(mapping, src)
			if err != nil {
				return exit.BadConfig(err)
			}
			if len(args) == 0 {
				path, ok := maptest.Path(mapping)
				if !ok {
					return exit.Coded(exit.Failure, fmt.Errorf("no tests: there is no %s", path))
				}
				args = []string{path}
			}
			failed := 0
			for _, file := range args {
				n, err := runTests(c.OutOrStdout(), m, file)
				if err != nil {
					return err
				}
				failed += n
			}
			if failed > 0 {
				return exit.Coded(exit.Failure, fmt.Errorf("%s failed", term.Count(failed, "test")))
			}
			return nil
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().StringVar(&mapping, "mapping", "", "the mapping file (default: the one the config names)")
	return c
}

// runTests runs one file of tests, prints what failed, and returns how many
// tests did.
func runTests(out io.Writer, m *mapper.Mapping, file string) (failed int, err error) {
	suite, err := readTests(file)
	if err != nil {
		return 0, exit.BadConfig(err)
	}
	last := ""
	for _, f := range suite.Run(m) {
		if f.Test != last {
			failed++
			last = f.Test
		}
		fmt.Fprintf(out, "FAIL  %s:%d: %s\n", file, f.Line, f)
	}
	if failed == 0 {
		fmt.Fprintf(out, "ok    %s: %s\n", file, term.Count(len(suite.Tests), "test"))
	}
	return failed, nil
}

func readTests(file string) (*maptest.Suite, error) {
	src, err := config.ReadTrusted(file)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	return maptest.Read(file, src)
}
