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
		Short: "Run the tests of a mapping: events and their expected conversions",
		Long: `Runs the tests beside the mapping (mapping.test.yaml for mapping.yaml), or those in the
given files. A test is an event and its expected outcome: sent where and with which fields,
or skipped or held for which reason. 'relay check' also runs the tests beside the mapping.
'relay schema tests' prints the format. Uses neither network nor queue.

Exits 0 when all tests pass, 1 when one fails, 78 when the mapping or a test file is
invalid.`,
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
					return exit.Coded(exit.Failure, fmt.Errorf("no tests: %s does not exist", path))
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

// runTests runs one file of tests, prints the failures and returns the number of failed
// tests.
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
