//go:build unix

package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOthersFiles: a file of another user that relay.yaml names, or a program that another user can
// change, is refused.
func TestOthersFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
	for _, x := range []struct{ name, yaml, file string }{
		{"relay.yaml", "", "relay.yaml"},
		{"mapping", "mapping: other\n", "other"},
		{"token", "graph: { access_token_file: other }\n", "other"},
		{"authority", "graph: { ca_file: other }\n", "other"},
		{"write key", "auth: { write_keys: ['${file:other}'] }\n", "other"},
		{"encryption key", "queue: { encryption_key: other }\n", "other"},
		{"tls key", "tls: { cert: cert, key: other }\n", "other"},
		{"program", "alerts: { command: [DIR/other] }\n", "other"},
		{"script", "alerts: { command: [/bin/sh, DIR/other] }\n", "other"},
		{"folder of a program", "alerts: { command: [DIR/bin/alert] }\n", "bin"},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string, mode os.FileMode) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
				t.Fatal(err)
			}
			write("relay.yaml", strings.ReplaceAll(x.yaml, "DIR", dir), 0o644)
			write("other", "x-long-enough-for-a-key", 0o755)
			write("cert", "x", 0o644)
			write("bin/alert", "x", 0o755)
			if err := os.Lchown(filepath.Join(dir, x.file), 65533, 65533); err != nil {
				t.Fatal(err)
			}
			_, _, err := Load(filepath.Join(dir, "relay.yaml"), Options{})
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("%v", err)
			}
			text := err.Error()
			for _, p := range invalid.Problems {
				text += "\n" + p.Hint
			}
			fix := "chown -h root " + filepath.Join(dir, x.file)
			if x.file == "bin" { // the directory still belongs to that user
				fix = "install -D -m 755 " + filepath.Join(dir, "bin/alert") + " /etc/relay/alert, and use that path"
			}
			if !strings.Contains(text, "uid 65533") || !strings.Contains(text, fix) {
				t.Error(text)
			}
		})
	}
}
