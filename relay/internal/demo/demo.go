// Package demo plays a day at the till against a real relay with a temporary queue and a
// Graph API simulator in the same process. Run returns an error unless every posted event is
// accounted for.
//
// It opens relay like `relay run` and reads only what the status page shows.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"relay/config"
	"relay/examples"
	"relay/internal/disk"
	"relay/relay/internal/logging"
	"relay/relay/internal/sandbox"
	"relay/relay/internal/sidecar"
)

// Options of a demo: Serve keeps it running afterwards, Verbose shows relay's log.
type Options struct{ Serve, Verbose bool }

// demo is a running demonstration.
type demo struct {
	out     io.Writer
	began   time.Time
	dir     string
	sandbox *sandbox.Sandbox
	graph   connection // to the sandbox
	relay   *sidecar.Sidecar
	url     string
	mapping string // path
	day     []dayEvent
	posted  postings
}

const demoConfig = `# Written by relay demo.
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
mapping: mapping.yaml
queue: { path: data, segment_size: 1MiB }
graph:
  endpoint: http://%s
  access_token: demo-token
rate: { requests_per_second: 20, burst: 10 }
batch: { max_wait: 300ms }
retry: { min_interval: 200ms, max_interval: 1s }
log: { level: %s }
`

// Run plays the day and prints what happens. It returns an error if the accounts do not
// balance.
func Run(ctx context.Context, o Options, out io.Writer) (err error) {
	d := &demo{out: out, began: time.Now()}
	if d.dir, err = os.MkdirTemp("", "relay-demo-"); err != nil {
		return fmt.Errorf("make temporary directory: %w", err)
	}
	defer os.RemoveAll(d.dir)
	if d.day, err = readDay(time.Now()); err != nil {
		return err
	}

	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	failed := make(chan error, 3) // the relay, and the simulator before and after the outage

	d.sandbox, err = sandbox.New(sandbox.Options{KeepBodies: true, Settings: sandbox.Settings{
		Behaviour: sandbox.Behaviour{LatencyMS: 40},
		KnownSets: demoSets,
	}})
	if err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	d.graph = connection{sandbox: d.sandbox, addr: "127.0.0.1:0", failed: failed}
	if err := d.graph.up(ctx); err != nil {
		return fmt.Errorf("start simulator: %w", err)
	}
	defer d.graph.down()

	if err := d.open(d.graph.addr, o.Verbose); err != nil { //nolint:contextcheck // as in sidecar.Serve
		return err
	}
	wg.Go(func() { failed <- d.relay.Run(ctx) })

	if err := d.play(ctx); err != nil {
		return err
	}
	if !d.reconcile() {
		return errors.New("the numbers do not add up: please report this")
	}
	if o.Serve {
		d.say("Running until you press Ctrl-C:\n         status page  http://%s/\n         track calls  %s/v1/track\n         Meta's side  http://%s/", d.relay.AdminAddr(), d.url, d.graph.addr)
		select {
		case <-ctx.Done():
		case err := <-failed:
			return err
		}
	}
	return nil
}

// open writes config and mapping and opens relay with them, like `relay run`.
func (d *demo) open(graph string, verbose bool) error {
	level := "error"
	logTo := io.Writer(io.Discard)
	if verbose {
		level, logTo = "info", os.Stderr
	}
	mapping, err := examples.FS.ReadFile("mapping-demo.yaml")
	if err != nil {
		return fmt.Errorf("read the demo's mapping: %w", err)
	}
	d.mapping = filepath.Join(d.dir, "mapping.yaml")
	file := filepath.Join(d.dir, "relay.yaml")
	if err := os.WriteFile(d.mapping, mapping, 0o600); err != nil {
		return fmt.Errorf("write the demo's mapping: %w", err)
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, demoConfig, graph, level), 0o600); err != nil {
		return fmt.Errorf("write the demo's config: %w", err)
	}
	cfg, _, err := config.Load(file, config.Options{})
	if err != nil {
		return err
	}
	lv := new(slog.LevelVar)
	if d.relay, err = sidecar.Open(cfg, logging.New(logTo, cfg.Log, lv), lv); err != nil {
		return err
	}
	d.url = "http://" + d.relay.Addr()
	d.say("relay is listening on %s; its queue is in %s. A simulator stands in for Meta's Graph API", d.url, d.dir)
	return nil
}

// play plays the day.
func (d *demo) play(ctx context.Context) error {
	n := len(d.day)
	morning, noon, evening := d.day[:n*2/5], d.day[n*2/5:n*3/4], d.day[n*3/4:]

	d.say("The shop opens: three tills send %d events", len(morning))
	if err := d.post(ctx, morning); err != nil {
		return err
	}
	if err := d.until(ctx, "the morning is delivered", func() bool { return d.waiting() == 0 }); err != nil {
		return err
	}
	d.say("%d conversions are at Meta, none are waiting", d.atMeta())

	d.graph.down()
	d.say("The connection goes down. The tills keep working: %d events, each answered 200", len(noon))
	before := d.atMeta()
	if err := d.post(ctx, noon); err != nil {
		return err
	}
	if err := d.until(ctx, "relay notices", d.backingOff); err != nil {
		return err
	}
	d.say("%d conversions are waiting on disk, %d were delivered meanwhile. relay reports: %s", d.waiting(), d.atMeta()-before, d.lastError())

	if err := d.until(ctx, "the connection is back", func() bool { return d.graph.up(ctx) == nil }); err != nil {
		return err
	}
	d.say("The connection is back")
	if err := d.until(ctx, "the backlog is delivered", func() bool { return d.waiting() == 0 }); err != nil {
		return err
	}
	d.say("%d conversions are at Meta, none are waiting", d.atMeta())

	d.say("The evening: %d events, some of them unusual", len(evening))
	if err := d.post(ctx, evening); err != nil {
		return err
	}
	if err := d.editMapping(ctx); err != nil {
		return err
	}
	return d.until(ctx, "everything is settled", func() bool { return d.waiting() == 0 && d.refused() == 0 })
}

// editMapping saves a broken mapping, then a good one with one more event.
func (d *demo) editMapping(ctx context.Context) error {
	src, err := config.ReadSource(d.mapping)
	if err != nil {
		return fmt.Errorf("read the demo's mapping: %w", err)
	}
	d.say("Somebody saves an unfinished mapping …")
	broken := strings.Replace(string(src), "lead:", "  Gift Card Sold: shop\nlead:", 1)
	if err := disk.WriteFile(d.mapping, 0o600, []byte(broken)); err != nil {
		return err
	}
	if err := d.until(ctx, "the broken mapping is refused", func() bool { return d.relay.Status().Mapping.Refused != nil }); err != nil {
		return err
	}
	if ps := d.relay.Status().Mapping.Refused.Problems; len(ps) > 0 {
		d.say("… relay refuses it: mapping.yaml:%d:%d: %s; the old mapping stays in use", ps[0].Line, ps[0].Column, ps[0].Message)
	}
	unmapped := d.unmapped()
	good := strings.Replace(string(src), "lead:", "  Gift Card Sold: { to: stores, as: Purchase, value: [properties.amount] }\nlead:", 1)
	if err := disk.WriteFile(d.mapping, 0o600, []byte(good)); err != nil {
		return err
	}
	if err := d.until(ctx, "the new mapping is in force", func() bool { return d.unmapped() < unmapped }); err != nil {
		return err
	}
	d.say("… and corrects it: Gift Card Sold is now a Purchase; %d earlier ones are sent too", unmapped-d.unmapped())
	return nil
}

// until polls until ok returns true.
func (d *demo) until(ctx context.Context, what string, ok func() bool) error {
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline.C:
			return fmt.Errorf("waited 20 s until %s: %d conversions are waiting, last error: %s", what, d.waiting(), d.lastError())
		case <-tick.C:
		}
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "%6.1f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}
