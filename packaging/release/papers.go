package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// papers collects the files next to the binary, which are the same on every platform:
// manual and completions, as written by the binary, documents and
// examples.
func (r *release) papers(ctx context.Context, relay, dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "completions"), 0o755); err != nil {
		return err
	}
	day := map[string]string{"SOURCE_DATE_EPOCH": strconv.FormatInt(r.date.Unix(), 10)}
	if _, err := outputWith(ctx, r.root, day, relay, "man", filepath.Join(dir, "man")); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "relay.bash", "zsh": "_relay", "fish": "relay.fish", "powershell": "relay.ps1"} {
		text, err := output(ctx, r.root, relay, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "completions", name), []byte(text+"\n"), 0o644); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{
		"README.md": "README.md", "CHANGELOG.md": "CHANGELOG.md", "LICENSE": "LICENSE", "relay.yaml": "relay.yaml",
		"docs": "docs", "examples": "examples", "config/REFERENCE.md": "config/REFERENCE.md",
		"packaging/grafana/relay.json":      "monitoring/grafana-relay.json",
		"packaging/prometheus/alerts.yaml":  "monitoring/prometheus-alerts.yaml",
		"packaging/systemd/relay.service":   "systemd/relay.service",
		"packaging/systemd/relay.service.d": "systemd/relay.service.d",
		"packaging/kubernetes/sidecar.yaml": "kubernetes/sidecar.yaml",
		"config/relay.schema.json":          "schema/relay.schema.json",
	} {
		if err := copyTree(filepath.Join(r.root, from), filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	return nil
}

// copyTree copies a file or, of a directory, everything except Go code.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".go") {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o644)
	})
}

// outputWith is output with additional environment variables.
func outputWith(ctx context.Context, dir string, env map[string]string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = os.Environ()
	for _, k := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, k+"="+env[k])
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
