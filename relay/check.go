package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/strictyaml"
	"relay/mapper"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/maptest"
	"relay/relay/internal/sidecar"
	"relay/relay/internal/term"
)

func newCheckCommand() *cobra.Command {
	var strict bool
	c := &cobra.Command{
		Use:   "check [--config relay.yaml] [MAPPING…]",
		Short: "Check config and mapping without starting anything",
		Long: `Loads relay.yaml and its mapping and reports every mistake with file, line and column.
Starts nothing and does not open the queue. Given mapping files as arguments, it checks
only those. It also runs the tests beside a mapping (see 'relay test').

Exits 0 when relay would accept the files, 78 when it would not. Warnings do not count
as mistakes unless --strict is given.`,
		Example: `  relay check
  relay check --config /etc/relay/relay.yaml --strict
  relay check new-mapping.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			var f findings
			if len(args) == 0 {
				cfg, warnings, err := cli.LoadConfig(c)
				if exit.Code(err) == exit.Forbidden {
					return err
				}
				f.add(warnings, err)
				if cfg == nil || err != nil {
					// Without a config the path of the mapping is unknown.
					return f.report(c.OutOrStdout(), c.ErrOrStderr(), strict)
				}
				if _, err := os.Stat(cfg.Mapping); err != nil && cfg.Forward.URL == "" {
					f.add(nil, cfg.Invalid("mapping", "%v", err))
					return f.report(c.OutOrStdout(), c.ErrOrStderr(), strict)
				}
				for _, check := range []func(*config.Config) error{checkSpool, checkKeys, sidecar.CheckQueuePath} {
					if err := check(cfg); err != nil {
						f.add(nil, err)
						return f.report(c.OutOrStdout(), c.ErrOrStderr(), strict)
					}
				}
				checked := cfg.File
				if cfg.Forward.URL != "" {
					checked += ": forwards everything to " + cfg.Forward.URL + forward.Path + "; the mapping is at the hub"
				}
				f.ok = append(f.ok, checked)
				if args = []string{cfg.Mapping}; cfg.Forward.URL != "" {
					args = nil
				}
			}
			for _, file := range args {
				if maptest.IsTests(file) {
					f.testsFormat(file)
				} else {
					f.mapping(file)
				}
			}
			return f.report(c.OutOrStdout(), c.ErrOrStderr(), strict)
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&strict, "strict", false, "treat warnings as mistakes")
	return c
}

// checkSpool checks the layout of dropped files.
func checkSpool(cfg *config.Config) error {
	_, err := sidecar.SpoolLayout(cfg)
	return err
}

// checkKeys checks that the file of encryption keys can be read and has keys.
func checkKeys(cfg *config.Config) error {
	_, err := sidecar.QueueKeys(cfg.Queue.EncryptionKey)
	return err
}

// findings collects the mistakes and warnings of several files.
type findings struct {
	ok       []string
	problems strictyaml.Problems
	warnings strictyaml.Problems
	other    []error
}

func (f *findings) add(warnings []strictyaml.Problem, err error) {
	f.warnings = append(f.warnings, warnings...)
	if ps, ok := errors.AsType[strictyaml.Problems](err); ok {
		f.problems = append(f.problems, ps...)
	} else if err != nil {
		f.other = append(f.other, err)
	}
}

func (f *findings) mapping(file string) {
	src, err := config.ReadSource(file)
	if err != nil {
		f.other = append(f.other, fmt.Errorf("read mapping: %w", err))
		return
	}
	m, warnings, err := mapper.Parse(file, src)
	f.add(warnings, err)
	if err != nil {
		return
	}
	f.ok = append(f.ok, fmt.Sprintf("%s: %s, %s", file, term.Count(len(m.Events()), "event"), term.Count(len(m.Sets()), "event set")))
	f.tests(m, file)
}

// testsFormat checks the format of a test file without running the tests.
func (f *findings) testsFormat(file string) {
	suite, err := readTests(file)
	if f.add(nil, err); err == nil {
		f.ok = append(f.ok, fmt.Sprintf("%s: %s, not run", file, term.Count(len(suite.Tests), "test")))
	}
}

// tests runs the tests beside a mapping, if there are any.
func (f *findings) tests(m *mapper.Mapping, file string) {
	path, ok := maptest.Path(file)
	if !ok {
		return
	}
	suite, err := readTests(path)
	if err != nil {
		f.add(nil, err)
		return
	}
	failures := suite.Run(m)
	for _, x := range failures {
		f.problems = append(f.problems, strictyaml.Problem{File: path, Line: x.Line, Column: 1, Message: "test fails: " + x.String()})
	}
	if len(failures) == 0 {
		f.ok = append(f.ok, fmt.Sprintf("%s: %s", path, term.Count(len(suite.Tests), "test")))
	}
}

func (f *findings) report(out, errOut io.Writer, strict bool) error {
	for _, p := range [][]strictyaml.Problem{f.problems, f.warnings} {
		if len(p) > 0 {
			fmt.Fprintf(errOut, "%s\n\n", strictyaml.Problems(p).Render())
		}
	}
	for _, err := range f.other {
		fmt.Fprintf(errOut, "relay: %v\n", err)
	}
	bad := len(f.problems) + len(f.other)
	if strict {
		bad += len(f.warnings)
	}
	if bad > 0 {
		fmt.Fprintf(errOut, "%s, %s\n", term.Count(len(f.problems)+len(f.other), "mistake"), term.Count(len(f.warnings), "warning"))
		return exit.BadConfig(exit.ErrReported)
	}
	for _, s := range f.ok {
		fmt.Fprintf(out, "ok  %s\n", s)
	}
	if len(f.warnings) > 0 {
		fmt.Fprintln(out, term.Count(len(f.warnings), "warning"))
	}
	return nil
}
