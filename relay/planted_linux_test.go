package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"relay/relay/internal/exit"
)

// TestNoFileInPlace: a pipe, a device or a file without end in the place of any file that
// somebody names costs a command neither time nor memory. It says what lies there.
func TestNoFileInPlace(t *testing.T) {
	t.Parallel()
	const config = `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
mapping: mapping.yaml
queue: { path: data }
graph: { endpoint: "http://127.0.0.1:1" }
`
	type way struct {
		name, config string
		args         []string
		warned       bool // a warning, by which check exits 0
	}
	ways := []way{
		{name: "relay.yaml", args: []string{"check", "--config", "X"}},
		{name: "relay.yaml of a start", args: []string{"run", "--config", "X"}},
		{name: "mapping", config: "mapping: X\n"},
		{name: "mapping of a start", config: "mapping: X\n", args: []string{"run"}},
		{name: "token", config: "graph: { access_token_file: X }\n", warned: true},
		{name: "secret", config: "auth: { write_keys: ['${file:X}'] }\n"},
		{name: "authority", config: "graph: { ca_file: X }\n"},
		{name: "certificate", config: "tls: { cert: X, key: mapping.yaml }\n"},
		{name: "key of a certificate", config: "admin: { tls: { cert: mapping.yaml, key: X } }\n"},
		{name: "encryption key", config: "queue: { path: data, encryption_key: X }\n"},
		{name: "program", config: "alerts: { command: [/bin/sh, X] }\n", warned: true},
		{name: "check MAPPING", args: []string{"check", "X"}},
		{name: "map --mapping", args: []string{"map", "--mapping", "X", "mapping.yaml"}},
		{name: "map FILE", args: []string{"map", "--mapping", "mapping.yaml", "X"}},
		{name: "test --mapping", args: []string{"test", "--mapping", "X"}},
		{name: "test TESTS", args: []string{"test", "--mapping", "mapping.yaml", "X"}},
		{name: "import FILE", args: []string{"import", "X", "--config", "whole.yaml"}},
		{name: "restore FILE", args: []string{"restore", "X", "--config", "whole.yaml"}},
		{name: "verify FILE", args: []string{"backup", "--verify", "X", "--config", "whole.yaml"}},
		{name: "passphrase", args: []string{"backup", "--passphrase-file", "X", "copy.tar", "--config", "whole.yaml"}},
		{name: "scenario", args: []string{"sandbox", "--listen", "127.0.0.1:0", "--scenario", "X"}},
		{name: "app secret", args: []string{"sandbox", "--listen", "127.0.0.1:0", "--app-secret-file", "X"}},
	}
	for what, put := range map[string]func(string) error{
		"pipe":   func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"device": func(p string) error { return os.Symlink("/dev/zero", p) },
		"huge":   func(p string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 10<<30)) },
	} {
		for _, w := range ways {
			if w.name == "program" && what == "huge" {
				continue // sh decides what to make of it
			}
			t.Run(w.name+"/"+what, func(t *testing.T) {
				t.Parallel()
				h := newHome(t, config, testMapping)
				h.write(t, "whole.yaml", config)
				x := h.path("X")
				if err := put(x); err != nil {
					t.Fatal(err)
				}
				w.config = strings.ReplaceAll(w.config, "sh, X", "sh, "+x)
				if w.config != "" {
					key, _, _ := strings.Cut(w.config, ":")
					text := w.config
					for line := range strings.Lines(config) {
						if !strings.HasPrefix(line, key+":") {
							text += line
						}
					}
					h.write(t, "relay.yaml", text)
				}
				args := []string{"check"}
				if w.args != nil {
					args = append([]string{}, w.args...)
				}
				for i := range args {
					if args[i] == "X" {
						args[i] = x
					}
				}
				ctx, stop := context.WithTimeout(t.Context(), 40*time.Second)
				defer stop()
				c := relayCommand(ctx, args...)
				c.Dir = h.dir
				// What the kernel reports as used has this process's own memory in it.
				c.Path, c.Args = "/bin/sh", append([]string{"sh", "-c", `ulimit -d 300000 && exec "$@"`, "sh", c.Path}, c.Args[1:]...)
				b, err := c.CombinedOutput()
				out, code := string(b), exitOf(err)
				if ctx.Err() != nil {
					t.Fatalf("relay %s does not come back: %s", strings.Join(args, " "), out)
				}
				if code == exit.OK && !w.warned || !strings.Contains(out, filepath.Base(x)) {
					t.Errorf("relay %s: exit %d %s", strings.Join(args, " "), code, out)
				}
				want := map[string]string{"pipe": "is a pipe", "device": "is a device", "huge": ""}[what]
				if !strings.Contains(out, want) {
					t.Errorf("relay %s: does not say that it %s:\n%s", strings.Join(args, " "), want, out)
				}
				if strings.Contains(out, "out of memory") {
					t.Errorf("relay %s: needs more than 300 MB of memory", strings.Join(args, " "))
				}
			})
		}
	}
}
