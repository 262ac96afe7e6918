package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/disk"
	"relay/internal/meta"
	"relay/internal/seal"
	"relay/mapper"
	"relay/relay/internal/exit"
	"relay/relay/internal/term"
	"relay/relay/internal/track"
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
			o.config = configPath(c)
			return runMap(o, args, c.InOrStdin(), c.OutOrStdout())
		},
	}
	addConfigFlag(c)
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
		if cfg, _, err = config.Load(o.config, config.Options{}); err != nil {
			return exit.BadConfig(fmt.Errorf("no --mapping given, and the config that would name one: %w", err))
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
	out := bufio.NewWriterSize(stdout, 64<<10)
	o.mapping = file
	p := mapPrinter{o: o, m: m, now: now, most: int(cfg.Intake.MaxEventBytes), out: out, seen: make(map[string]uint64)}
	for _, f := range files {
		if err := p.file(f, stdin); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	if o.privacy {
		if err := p.fields.print(out, o.json, p.index); err != nil {
			return fmt.Errorf("write output: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	if o.strict && p.held > 0 {
		return exit.Coded(exit.Failure, fmt.Errorf("%s held", term.Count(p.held, "outcome")))
	}
	return nil
}

// mapPrinter maps events and prints their outcomes.
type mapPrinter struct {
	o      mapOptions
	m      *mapper.Mapping
	now    time.Time
	most   int // bytes of an event
	out    *bufio.Writer
	index  int
	held   int
	fields leaving
	seen   map[string]uint64 // fingerprint of the first event of each messageId

	printed bool // an explanation, which the next one keeps away from
}

func (p *mapPrinter) file(name string, stdin io.Reader) error {
	in := stdin
	if name != "-" {
		f, err := disk.Open(name)
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() > maxEvents {
			return fmt.Errorf("read events: %s has more than %s, which is all that is read at once; give a part of it, such as: head -n 100000 %s | relay map -", name, "256 MiB", disk.ShellWord(name))
		}
		in = f
	}
	if err := readEvents(in, p.most, p.event); err != nil {
		return fmt.Errorf("read events from %s: %w", name, err)
	}
	return nil
}

// whole is the outcome of a message that never comes to be mapped: one that is
// unusable, or that has the messageId of one before. ok is false for any other.
func (p *mapPrinter) whole(msg *track.Message, ev mapper.Event, opt mapper.Option) (x mapper.Outcome, ok bool) {
	id := string(msg.ID)
	switch {
	case msg.Problem != nil:
		return track.Unusable(p.m.Map(ev, p.now, opt), msg.Body, id, msg.Flags), true
	case !msg.Track || id == "":
		return x, false
	}
	first, known := p.seen[id]
	switch {
	case !known:
		p.seen[id] = msg.Print
		return x, false
	case first != msg.Print:
		return track.IDConflict(nil, msg.Body, id), true
	}
	return mapper.Outcome{MessageID: id, Event: string(msg.Event), Kind: mapper.Skip, Reason: mapper.ReasonDuplicate}, true
}

func (p *mapPrinter) event(msg track.Message) error {
	ev := track.Mapped(msg.Body, "", p.now, msg.Flags)
	ev.Store = p.o.store
	opt := mapper.OverrideAPI(meta.API(p.o.api))
	if p.o.explain {
		return p.explain(msg, ev, opt)
	}
	var outs []mapper.Outcome
	if x, ok := p.whole(&msg, ev, opt); ok {
		outs = []mapper.Outcome{x}
	} else {
		outs = p.m.Map(ev, p.now, opt)
	}
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	if p.o.privacy {
		p.index++
		for i := range outs {
			if outs[i].Kind == mapper.Hold {
				p.held++
			}
			p.fields.take(&outs[i])
		}
		return nil
	}
	for _, x := range outs {
		x.Index = p.index
		if x.Kind == mapper.Hold {
			p.held++
		}
		if err := enc.Encode(x); err != nil {
			return fmt.Errorf("write outcome: %w", err)
		}
	}
	p.index++
	return nil
}
