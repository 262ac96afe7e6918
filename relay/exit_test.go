package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		{"bogus", exitUsage, `unknown command "bogus"`},
		{"statsu", exitUsage, `did you mean "status"?`},
		{"dead lst", exitUsage, `did you mean "list"?`},
		{"run --bogus", exitUsage, "unknown flag"},
		{"run extra", exitUsage, "extra"},
		{"run --config " + filepath.Join(dir, "nowhere.yaml"), exitConfig, "nowhere.yaml: no such file"},
		{"check --config " + filepath.Join(dir, "nowhere.yaml"), exitConfig, "nowhere.yaml: no such file"},
		{"run --config " + noMapping, exitConfig, "nowhere.yaml"},
		{"check --config " + noMapping, exitConfig, "no-mapping.yaml:4:10: mapping:"},
		{"run --config " + badMapping, exitConfig, "bad-mapping.yaml:2:"},
		{"", exitOK, ""},
		{"dead", exitOK, ""},
		{"--help", exitOK, ""},
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
