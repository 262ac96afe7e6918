package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relay/config"
	"relay/internal/seal"
	"relay/internal/socket"
	"relay/internal/strictyaml"
	"relay/mapper"
	"relay/queue"
	"relay/queue/jetstream"
	"relay/relay/internal/alert"
	"relay/relay/internal/api"
	"relay/relay/internal/cli"
	"relay/relay/internal/control"
	"relay/relay/internal/doctor"
	"relay/relay/internal/exit"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/receipts"
	"relay/relay/internal/sidecar"
	"relay/relay/internal/term"
)

func newDoctorCommand() *cobra.Command {
	var asJSON, alerts bool
	var code string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check token, event sets, clock, disk, proxy and file permissions, and say how to fix each problem",
		Long: `Checks config and mapping, the event sets of a running relay, this machine (addresses,
file permissions, certificate, disk speed and space, whether file changes are noticed), the
connection to Meta (proxy, TLS, clock, API version), the token, and each event set at Meta.
At a store whose relay forwards, it checks the connection to the hub instead of Meta: TLS,
clock, and whether the hub accepts the key and the format. Each problem comes with its fix
and who has to do it. Works whether or not relay is running; run it as relay's user.

With --test-event-code it also sends one made-up event to each event set. The code is in
Events Manager under Test events. Meta treats test events like real ones, so doctor sends
none without the code.

Exits 0 when nothing fails (warnings are allowed), 1 when a check fails, 78 when config or
mapping is invalid.`,
		Example: `  relay doctor
  sudo -u relay relay doctor --config /etc/relay/relay.yaml
  relay doctor --test-event-code TEST12345
  relay doctor --json | jq 'select(.level == "fail")'`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if code != "" && !testCodeForm.MatchString(code) {
				return exit.Usage(errors.New("--test-event-code: expected a code such as TEST12345"))
			}
			show := doctorTable(c.OutOrStdout())
			if asJSON {
				show = func(f doctor.Finding) { _ = term.JSONLine(c.OutOrStdout(), f) }
			}
			refused := func(check string, err error) error {
				if asJSON { // for people the error is printed
					showRefused(check, err, show)
				}
				return exit.BadConfig(err)
			}
			cfg, warnings, err := cli.LoadConfig(c)
			if err != nil && exit.Code(err) == exit.Config {
				return refused("config", err)
			}
			if err != nil {
				return err
			}
			src, err := sidecar.ReadMapping(cfg)
			if err != nil {
				return refused("mapping", err)
			}
			m, more, err := mapper.Parse(cfg.Mapping, src)
			if err != nil {
				return refused("mapping", err)
			}
			if cfg.Forward.URL != "" {
				more = nil // warnings about a placeholder: the mapping is at the hub
				if code != "" {
					return exit.Usage(errors.New("--test-event-code: this relay forwards and has no event sets; run the command at the hub"))
				}
			}
			r, err := examine(c.Context(), cfg, append(warnings, more...), m, code, show)
			if err != nil {
				return err
			}
			if alerts {
				testAlerts(c.Context(), cfg, &r, show)
			}
			if err := context.Cause(c.Context()); err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprintf(c.OutOrStdout(), "\n%s, %s\n", term.Count(r.Fails, "failure"), term.Count(r.Warns, "warning"))
			}
			if r.Fails > 0 {
				return exit.Coded(exit.Failure, exit.ErrReported)
			}
			return nil
		},
	}
	cli.AddConfigFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON lines")
	c.Flags().BoolVar(&alerts, "test-alerts", false, "send a test alert to alerts.webhook and alerts.command")
	c.Flags().StringVar(&code, "test-event-code", "", "send one made-up event to each event set, with this code from Events Manager")
	return c
}

// showRefused shows why config or mapping is refused, as findings.
func showRefused(check string, err error, show func(doctor.Finding)) {
	f := doctor.Finding{Check: check, Code: "refused", Level: doctor.Fail, Who: doctor.You}
	ps, ok := errors.AsType[strictyaml.Problems](err)
	if !ok {
		f.Text, f.Fix = err.Error(), "Correct the file or its path, then run `relay check`."
		show(f)
		return
	}
	for _, p := range ps {
		f.Text, f.Fix = p.Error(), cmp.Or(p.Hint, "Correct it, then run `relay check`.")
		show(f)
	}
}

var testCodeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// doctorTimeout bounds each call of the Graph API.
const doctorTimeout = 15 * time.Second

func examine(ctx context.Context, cfg *config.Config, warnings []strictyaml.Problem, m *mapper.Mapping, code string, show func(doctor.Finding)) (doctor.Result, error) {
	o := sidecar.GraphOptions(cfg, sidecar.NewTokens(cfg.Graph))
	if cfg.Forward.URL != "" {
		o = sidecar.HubOptions(cfg)
	}
	o.Timeout = min(o.Timeout, doctorTimeout)
	client, err := graph.New(o)
	if err != nil {
		return doctor.Result{}, exit.BadConfig(err)
	}
	defer func() { _ = client.Close() }()
	var hub func(context.Context) graph.Result
	if cfg.Forward.URL != "" {
		hub = func(ctx context.Context) graph.Result { return forward.Probe(ctx, client, cfg.Forward.Key.Reveal()) }
	}
	var servers func(context.Context) (jetstream.Report, error)
	if cfg.Queue.NATS.On() {
		servers = func(ctx context.Context) (jetstream.Report, error) {
			return jetstream.Examine(ctx, sidecar.NATSOptions(cfg, nil, nil))
		}
	}
	return doctor.Run(ctx, doctor.Options{
		Servers: servers,
		Config:  cfg, Warnings: warnings, Mapping: m, Client: client, Hub: hub, Running: askRunning(ctx, cfg),
		Receipts: receiptsKept(cfg), TestEventCode: code, Emit: show,
	}), nil
}

// askRunning reports whether a relay runs with this config, and its state.
func askRunning(ctx context.Context, cfg *config.Config) (r doctor.Running) {
	client := control.Client(cfg)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := client.Ping(ctx)
	switch {
	case errors.Is(err, api.ErrUnreachable), errors.Is(err, context.DeadlineExceeded):
		return r
	case errors.Is(err, socket.ErrNotAllowed):
		r.NotAllowed = err.Error()
		return r
	case err != nil:
		r.Foreign = err.Error()
		return r
	}
	r.Up = true
	if err := client.Ready(ctx); err != nil {
		r.NotReady = strings.Join(strings.Fields(err.Error()), " ")
	}
	st, err := client.Status(ctx)
	if err != nil {
		return r
	}
	q := st.Queue
	r.Dropped, r.Lost, r.Rebuilt = q.Dropped[queue.DropMaxSize], q.LostRecords, q.Rebuilt
	r.Full, r.Pending, r.Unmapped, r.Dead = q.Full, q.Pending, q.Unmapped, q.Dead
	for _, l := range st.Lanes {
		todo, ok := l.Todo()
		if !ok {
			todo = l.Next
		}
		if at := l.LastSuccessAt; at != nil && cfg.Forward.URL != "" && at.After(r.HubTook) {
			r.HubTook = *at
		}
		r.Lanes = append(r.Lanes, doctor.Lane{ID: l.Lane, State: l.State, Headline: l.Headline, Todo: todo, Pending: l.Pending})
	}
	return r
}

func testAlerts(ctx context.Context, cfg *config.Config, r *doctor.Result, show func(doctor.Finding)) {
	w := alert.New(alert.Options{Version: sidecar.Build().Version, Settings: func() alert.Settings { return sidecar.AlertSettings(cfg) }})
	sent, err := w.Test(ctx)
	for _, name := range sent {
		show(doctor.Finding{Check: "alerts", Code: "sent", Level: doctor.OK, Text: "A test alert was delivered by " + name + "."})
	}
	switch {
	case err != nil:
		r.Fails++
		show(doctor.Finding{
			Check: "alerts", Code: "not_sent", Level: doctor.Fail, Text: "A test alert could not be delivered: " + err.Error() + ".",
			Fix: "Correct alerts in relay.yaml.", Who: doctor.You,
		})
	case len(sent) == 0:
		show(doctor.Finding{Check: "alerts", Code: "none", Level: doctor.Note, Text: "Neither alerts.webhook nor alerts.command is set."})
	}
}

// doctorTable writes findings for people.
func doctorTable(out io.Writer) func(doctor.Finding) {
	marks := map[doctor.Level]string{
		doctor.OK:   term.Colour(out, "32", "ok  "),
		doctor.Note: "note",
		doctor.Warn: term.Colour(out, "33", "WARN"),
		doctor.Fail: term.Colour(out, "31", "FAIL"),
	}
	return func(f doctor.Finding) {
		const indent = 18
		fmt.Fprintf(out, "%s  %-10s  %s\n", marks[f.Level], f.Check, wrapText(f.Text, 78, indent))
		if f.Fix != "" {
			fix := "Do: " + f.Fix
			if f.Who != "" {
				fix += " (" + f.Who + ")"
			}
			fmt.Fprintf(out, "%*s%s\n", indent, "", wrapText(fix, 78, indent))
		}
	}
}

// wrapText breaks text at spaces into lines of about width characters, the
// second and later ones indented.
func wrapText(s string, width, indent int) string {
	var b strings.Builder
	n := 0
	for i, w := range strings.Fields(s) {
		l := len([]rune(w))
		switch {
		case i == 0:
		case n+1+l > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(w)
		n += l
	}
	return b.String()
}

// receiptsKept returns the state of the receipts and of the secret that their
// fingerprints are made with.
func receiptsKept(cfg *config.Config) (k doctor.Receipts) {
	dir := filepath.Join(cfg.Dir(), sidecar.ReceiptsDir)
	files, _ := filepath.Glob(filepath.Join(dir, "*.log")) // the pattern is well formed
	k.Kept = len(files) > 0
	secret, err := seal.ReadSecret(cfg.Dir())
	if _, absent := os.Stat(cfg.Dir()); errors.Is(err, fs.ErrNotExist) && (absent != nil || !k.Kept) {
		return k // not created yet
	}
	if k.Secret = err; err != nil || !k.Kept {
		return k
	}
	keys, err := sidecar.QueueKeys(cfg.Queue.EncryptionKey)
	if err == nil {
		k.Unsearched, _ = receipts.Unsearched(dir, secret, keys...) // the check of keys reports what cannot be read
	}
	return k
}
