package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"relay/config"
	"relay/internal/certificate"
	"relay/internal/logs"
	"relay/internal/loopback"
)

// channel is a way to send an alert.
type channel struct {
	name string
	send func(context.Context, Alert) error
}

// Limits of a delivery.
const (
	webhookTimeout = 15 * time.Second
	commandTimeout = 30 * time.Second
)

// channels returns the log and the configured channels.
func (w *Watch) channels(s Settings) []channel {
	out := []channel{{"log", w.log}}
	if s.Webhook != "" {
		out = append(out, channel{"webhook", func(ctx context.Context, a Alert) error { return w.post(ctx, s, a) }})
	}
	if len(s.Command) > 0 {
		out = append(out, channel{"command", func(ctx context.Context, a Alert) error { return run(ctx, s.Command, a) }})
	}
	return out
}

func (w *Watch) log(_ context.Context, a Alert) error {
	if a.State == "resolved" {
		w.o.Logger.Info("alert resolved", "code", logs.AlertResolved, "alert", a.Alert, "summary", a.Summary)
		return nil
	}
	w.o.Logger.Warn("alert", "code", logs.Alert, "alert", a.Alert, "severity", a.Severity, "summary", a.Summary, "action", a.Action,
		"event_sets", a.EventSets, "count", a.Count)
	return nil
}

// post sends an alert to the webhook. Its errors do not contain the URL.
func (w *Watch) post(ctx context.Context, s Settings, a Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	client, err := webhookClient(s)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Webhook, bytes.NewReader(body))
	if err != nil {
		return errors.New("alerts.webhook is not a valid URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "relay/"+w.o.Version)
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return fmt.Errorf("post to alerts.webhook: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("post to alerts.webhook: the server answered %d", resp.StatusCode)
	}
	return nil
}

// webhookClient uses the same proxy and CAs as uploads, but no proxy for this machine.
func webhookClient(s Settings) (*http.Client, error) {
	tr := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	u, err := url.Parse(s.Webhook)
	switch {
	case err != nil:
		return nil, errors.New("alerts.webhook is not a valid URL")
	case s.Proxy == "none" || loopback.Address(u.Hostname()):
		tr.Proxy = nil
	case s.Proxy != "":
		p, err := url.Parse(s.Proxy)
		if err != nil {
			return nil, errors.New("graph.proxy is not a valid URL")
		}
		tr.Proxy = http.ProxyURL(p)
	}
	if s.CAFile != "" {
		pool, err := certificate.Roots(s.CAFile)
		if err != nil {
			return nil, err
		}
		tr.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{
		Transport: tr, Timeout: webhookTimeout,
		// Only the configured address is called.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// passed are the environment variables that the command inherits: what programs need
// to work, and nothing that could be a secret.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SYSTEMDRIVE",
	"COMSPEC", "PATHEXT", "WINDIR", "PROGRAMDATA", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
}

// run sends an alert to a command as JSON on standard input, without a shell.
func run(ctx context.Context, command []string, a Alert) error {
	if err := config.RefusableCommand(command); err != nil { // the file might have changed since relay.yaml was read
		return fmt.Errorf("run alerts.command: %w", err)
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.WaitDelay = time.Second // do not wait for a grandchild that keeps the output open
	cmd.Stdin = bytes.NewReader(append(body, '\n'))
	cmd.Env = []string{"RELAY_ALERT=" + a.Alert, "RELAY_ALERT_STATE=" + a.State, "RELAY_ALERT_TEXT=" + a.Text}
	for _, name := range passed {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	var stderr bytes.Buffer
	cmd.Stderr = &limited{b: &stderr, left: 300}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("stopped after %s", commandTimeout)
		}
		line, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		if line != "" {
			return fmt.Errorf("run alerts.command: %w: %s", err, line)
		}
		return fmt.Errorf("run alerts.command: %w", err)
	}
	return nil
}

// limited keeps the first bytes and discards the rest.
type limited struct {
	b    *bytes.Buffer
	left int
}

// Write never fails.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.b.Write(p[:n])
	return len(p), nil
}
