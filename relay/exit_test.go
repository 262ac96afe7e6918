package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// The exit codes of calls and files that cannot work, and what is said.
func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	base := "listen: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\nqueue: { path: data }\n"
	noMapping := file("no-mapping.yaml", base+"mapping: nowhere.yaml\n")
	file("bad-mapping.yaml", "version: 1\nevents: { Order Completed: stores }\n")
	badMapping := file("bad.yaml", base+"mapping: bad-mapping.yaml\n")
	for _, tt := range []struct {
		args string
		code int
		says string
	}{
		{"bogus", exit.UsageCode, `unknown command "bogus"`},
		{"statsu", exit.UsageCode, `did you mean "status"?`},
		{"dead lst", exit.UsageCode, `did you mean "list"?`},
		{"run --bogus", exit.UsageCode, "unknown flag"},
		{"run extra", exit.UsageCode, "'relay run' takes no arguments, got 1"},
		{"run --config " + filepath.Join(dir, "nowhere.yaml"), exit.Config, "nowhere.yaml: no such file"},
		{"check --config " + filepath.Join(dir, "nowhere.yaml"), exit.Config, "nowhere.yaml: no such file"},
		{"run --config " + noMapping, exit.Config, "nowhere.yaml"},
		{"check --config " + noMapping, exit.Config, "no-mapping.yaml:4:10: mapping:"},
		{"run --config " + badMapping, exit.Config, "bad-mapping.yaml:2:"},
		{"", exit.OK, ""},
		{"dead", exit.OK, ""},
		{"--help", exit.OK, ""},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("exit code %d, want %d; stderr: %s", code, tt.code, stderr.String())
			}
		})
	}
}
