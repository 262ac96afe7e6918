package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/meta"
	"relay/internal/seal"
	"relay/mapper"
	"relay/relay/internal/advice"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/preview"
	"relay/relay/internal/term"
)

func newMapCommand() *cobra.Command {
	var o mapOptions
	c := &cobra.Command{
		Use:   "map [--mapping FILE] [FILE…|-]",
		Short: "Dry run: show what events would become",
		Long: `Reads events (an object, an array, {"batch":[…]} or JSON lines) and prints one JSON
line per outcome, in input order: "send" would be uploaded, "skip" is deliberately
not sent, "hold" would become a dead letter. No network, no queue. A messageId that
stands in the input twice is skipped the second time, or held when the event differs.

With --privacy it prints instead every field that would leave for Meta, how often, and
a sample with letters as x and digits as 9, and what was kept back as personal: the
list to look through before a new till goes live.

Exits 0 even with holds; with --strict 1.`,
		Example: `  relay map --mapping examples/mapping.yaml examples/events.json
  relay map --explain examples/events.json
  relay map --privacy sales-of-june.jsonl
  echo '{"event":"Order Completed","userId":"u1","properties":{"revenue":1}}' | relay map -`,
		RunE: func(c *cobra.Command, args []string) error {
			o.config = cli.ConfigPath(c)
			return runMap(o, args, c.InOrStdin(), c.OutOrStdout())
		},
	}
	cli.AddConfigFlag(c)
	f := c.Flags()
	f.StringVar(&o.mapping, "mapping", "", "the mapping file (default: the one the config names)")
	f.StringVar(&o.store, "store", "", "the store whose relay forwarded the events (store.name in the mapping)")
	f.StringVar(&o.now, "now", "", "time of receipt and of the attempt, RFC 3339 (default: now)")
	f.StringVar(&o.api, "api", "", "conversions or offline, whatever the mapping says")
	f.BoolVar(&o.explain, "explain", false, "say for each field where it comes from and why, for people (with --json for programs)")
	f.BoolVar(&o.privacy, "privacy", false, "list every field that would leave, how often and a masked sample (with --json for programs)")
	f.BoolVar(&o.json, "json", false, "with --explain or --privacy: JSON lines")
	f.BoolVar(&o.showPII, "show-pii", false, "with --explain: show customers' data unmasked")
	f.BoolVar(&o.strict, "strict", false, "exit 1 when anything would be held")
	return c
}

// configWithMapping is the config that names the mapping where no --mapping does.
func configWithMapping(path string) (*config.Config, error) {
	cfg, _, err := config.Load(path, config.Options{})
	if err != nil {
		return nil, exit.BadConfig(fmt.Errorf("no --mapping given, and the config that would name one: %w", err))
	}
	if cfg.Forward.URL != "" {
		return nil, exit.BadConfig(fmt.Errorf("no --mapping given, and %s names none: %s", cfg.File, advice.MappingAtHub(cfg.Forward.URL)))
	}
	return cfg, nil
}

type mapOptions struct {
	config, mapping, now, api      string
	store                          string
	explain, json, showPII, strict bool
	privacy                        bool
}

func runMap(o mapOptions, files []string, stdin io.Reader, stdout io.Writer) error {
	now := time.Now()
	if o.now != "" {
		t, err := time.Parse(time.RFC3339, o.now)
		if err != nil {
			return exit.Usage(fmt.Errorf("--now %q: want RFC 3339, such as 2026-11-24T12:00:00Z", o.now))
		}
		now = t
	}
	switch meta.API(o.api) {
	case "", meta.Conversions, meta.Offline:
	default:
		return exit.Usage(fmt.Errorf("--api %q: want conversions or offline", o.api))
	}
	if o.privacy && o.explain {
		return exit.Usage(errors.New("--privacy and --explain: give one of them"))
	}
	var secret []byte
	file, cfg := o.mapping, config.Default(".")
	if file == "" {
		var err error
		if cfg, err = configWithMapping(o.config); err != nil {
			return err
		}
		file = cfg.Mapping
		secret, _ = seal.ReadSecret(cfg.Dir()) // without it hashed ids are not those of the installation
	}
	src, err := config.ReadSource(file)
	if err != nil {
		return exit.BadConfig(fmt.Errorf("read mapping: %w", err))
	}
	m, _, err := mapper.Parse(file, src, mapper.WithSecret(secret))
	if err != nil {
		return exit.BadConfig(err)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	p := preview.NewPrinter(stdout, preview.Options{
		Mapping: m, File: file, Store: o.store, API: meta.API(o.api), Now: now, Most: int(cfg.Intake.MaxEventBytes),
		Explain: o.explain, Privacy: o.privacy, JSON: o.json, ShowPII: o.showPII,
	})
	for _, f := range files {
		if err := p.Read(f, stdin); err != nil {
			return p.Finish(err)
		}
	}
	if err := p.Finish(nil); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if o.strict && p.Held() > 0 {
		return exit.Coded(exit.Failure, fmt.Errorf("%s held", term.Count(p.Held(), "outcome")))
	}
	return nil
}
