package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"relay/internal/disk"
	"relay/relay/internal/cli"
	"relay/relay/internal/exit"
	"relay/relay/internal/sandbox"
)

func newSandboxCommand() *cobra.Command {
	var listen, scenario, secret string
	var bodies bool
	c := &cobra.Command{
		Use:   "sandbox",
		Short: "Run the Graph API simulator on its own",
		Long: `Runs relay's simulator of Meta's Graph API. It accepts uploads in both wire formats and
is as strict as Meta's documentation. Point graph.endpoint at it. Its page at / and its
JSON API under /sandbox/ show what it received and change how it behaves
(GET /sandbox/mode lists the settings, GET /sandbox/rules the rules with their sources).

A scenario is a YAML list of phases. Each phase has any of those settings and lasts for a
time (for) or a number of calls (calls); the last phase stays in effect.

  phases:
    - { name: a healthy morning, for: 20s }
    - { mode: down, for: 10s }
    - { mode: throttle, regain_minutes: 1, calls: 3 }
    - { latency_ms: 200, sets: { "701000000000002": { mode: token } } }`,
		Example: `  relay sandbox --listen 127.0.0.1:8587
  curl -d '{"mode":"throttle"}' http://127.0.0.1:8587/sandbox/mode`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o := sandbox.Options{KeepBodies: bodies}
			if secret != "" {
				b, err := disk.ReadFile(secret, 64<<10)
				if err != nil {
					return exit.BadConfig(fmt.Errorf("read app secret: %w", err))
				}
				if o.AppSecret = strings.TrimSpace(string(b)); o.AppSecret == "" {
					return exit.BadConfig(fmt.Errorf("%s contains no app secret", secret))
				}
			}
			s, err := sandbox.New(o)
			if err != nil {
				return err
			}
			var sc sandbox.Scenario
			if scenario != "" {
				if sc, err = readScenario(scenario); err != nil {
					return exit.BadConfig(err)
				}
			}
			ln, err := new(net.ListenConfig).Listen(c.Context(), "tcp", listen)
			if err != nil {
				return listenFailed(err)
			}
			fmt.Fprintf(c.OutOrStdout(), "sandbox listening on http://%s\n", ln.Addr())
			ctx, stop := context.WithCancel(c.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer stop()
			if scenario != "" {
				wg.Go(func() { _ = s.Play(ctx, sc) })
			}
			if err := s.Serve(ctx, ln); err != nil && !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8587", "listen address")
	c.Flags().StringVar(&scenario, "scenario", "", "YAML file of settings that change over time")
	c.Flags().StringVar(&secret, "app-secret-file", "", "refuse calls without the correct appsecret_proof for the secret in this file")
	c.Flags().BoolVar(&bodies, "keep", true, "keep the events' JSON for GET /sandbox/events")
	return c
}

// listenFailed explains why the sandbox cannot listen. An address in use might be free later.
func listenFailed(err error) error {
	if errors.As(err, new(*net.AddrError)) || errors.As(err, new(*net.DNSError)) {
		return exit.Usage(fmt.Errorf("--listen: %w", err))
	}
	return exit.TryLater(fmt.Errorf("listen for the sandbox: %w", err))
}

func readScenario(file string) (sandbox.Scenario, error) {
	f, err := disk.Open(file)
	if err != nil {
		return sandbox.Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	defer f.Close()
	sc, err := sandbox.ReadScenario(f)
	if err != nil {
		return sc, fmt.Errorf("%s: %w", file, err)
	}
	return sc, nil
}
