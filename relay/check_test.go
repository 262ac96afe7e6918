package main

import (
	"os"
	"strings"
	"testing"

	"relay/relay/internal/exit"
)

// `relay check` refuses what `relay run` would refuse, in the same words.
func TestCheckAndRunRefuseAlike(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(config string) string
		make   func(h home) error
		want   string
	}{
		"short key": {
			func(c string) string { return strings.Replace(c, "path: data", "path: data, encryption_key: key", 1) },
			func(h home) error { return os.WriteFile(h.path("key"), []byte("short\n"), 0o600) }, "queue.encryption_key: ",
		},
		"no key": {
			func(c string) string { return strings.Replace(c, "path: data", "path: data, encryption_key: none", 1) },
			nil, "no such file or directory",
		},
		"a file for a queue": {
			func(c string) string { return strings.Replace(c, "path: data", "path: mapping.yaml", 1) },
			nil, "mapping.yaml is a file, not a directory",
		},
		"a link to nothing": {
			func(c string) string { return c },
			func(h home) error { return os.Symlink("/nonexistent/queue", h.path("data")) }, "is a link to /nonexistent/queue, which does not exist",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, tc.change(testConfig("127.0.0.1:1", "")), testMapping)
			if tc.make != nil {
				if err := tc.make(h); err != nil {
					t.Fatal(err)
				}
			}
			for _, command := range []string{"check", "run"} {
				out, code := h.command(t, command, "--config", h.path("relay.yaml"))
				if code != exit.Config || !strings.Contains(out, tc.want) {
					t.Errorf("relay %s: exit code %d, no %q in\n%s", command, code, tc.want, out)
				}
			}
		})
	}
}
