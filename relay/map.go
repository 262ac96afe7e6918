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
		Short: "Dry run: show what the mapping makes of events",
		Long: `Reads events (an object, an array, {"batch":[…]} or JSON lines) and prints one JSON
line per outcome, in input order: "send" would be uploaded, "skip" is deliberately
not sent, "hold" would become a dead letter. Uses neither network nor queue. The second
event with the same messageId is skipped, or held if it differs from the first.

With --privacy it prints instead every field that would be sent to Meta, how often, and a
sample with letters as x and digits as 9, and every field withheld as personal. Read this
list before a new till goes live.

Exits 0 even if events are held; with --strict it then exits 1.`,
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
	f.StringVar(&o.now, "now", "", "the time at which events are received and sent, RFC 3339 (default: now)")
	f.StringVar(&o.api, "api", "", "conversions or offline, instead of what the mapping says")
	f.BoolVar(&o.explain, "explain", false, "explain where each field comes from and why, as text (or with --json)")
	f.BoolVar(&o.privacy, "privacy", false, "list every field that would be sent, how often and a masked sample, as text (or with --json)")
	f.BoolVar(&o.json, "json", false, "with --explain or --privacy: print JSON lines")
	f.BoolVar(&o.showPII, "show-pii", false, "with --explain: show customers' data unmasked")
	f.BoolVar(&o.strict, "strict", false, "exit 1 if any event would be held")
	return c
}

// configWithMapping loads the config that names the mapping when --mapping does not.
func configWithMapping(path string) (*config.Config, error) {
	cfg, _, err := config.Load(path, config.Options{})
	if err != nil {
		return nil, exit.BadConfig(fmt.Errorf("no --mapping given, and the config that names the mapping cannot be loaded: %w", err))
	}
	if cfg.Forward.URL != "" {
		return nil, exit.BadConfig(fmt.Errorf("no --mapping given, and %s has no mapping: %s", cfg.File, advice.MappingAtHub(cfg.Forward.URL)))
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
			return exit.Usage(fmt.Errorf("--now %q: expected RFC 3339, such as 2026-11-24T12:00:00Z", o.now))
		}
		now = t
	}
	switch meta.API(o.api) {
	case "", meta.Conversions, meta.Offline:
	default:
		return exit.Usage(fmt.Errorf("--api %q: expected conversions or offline", o.api))
	}
	if o.privacy && o.explain {
		return exit.Usage(errors.New("--privacy and --explain cannot be combined"))
	}
	var secret []byte
	file, cfg := o.mapping, config.Default(".")
	if file == "" {
		var err error
		if cfg, err = configWithMapping(o.config); err != nil {
			return err
		}
		file = cfg.Mapping
		secret, _ = seal.ReadSecret(cfg.Dir()) // without it, hashed ids differ from those of the installation
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
