package config

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const natsFile = `
admin: { socket: { path: /run/relay/admin.sock } }
queue: { %nats: { urls: [tls://n0:4222, tls://n1:4222, tls://n2:4222], user: relay, password: "${env:P}"% } }
`

func parseNATS(t *testing.T, queue, nats, more string) (*Config, error) {
	t.Helper()
	text := strings.Replace(strings.Replace(natsFile, "{ %", "{ "+queue, 1), "%", nats, 1) + more
	c, _, err := Parse("/etc/relay/relay.yaml", []byte(text), environment(map[string]string{"P": "swordfish"}))
	return c, err
}

// A queue on NATS servers has no directory of its own. Relay's files on this machine are in the
// directory of the commands' socket.
func TestNATS(t *testing.T) {
	c, err := parseNATS(t, "", "", "")
	must(t, err)
	n := &c.Queue.NATS
	if !n.On() || len(n.URLs) != 3 || n.Replicas != 3 || n.Name != "relay" || n.Password.Reveal() != "swordfish" || n.Sync != "checked" || n.Lease == 0 {
		t.Errorf("%+v", n)
	}
	if c.Queue.Path != "" || c.Queue.ReceiptsMaxSize != 0 {
		t.Errorf("path %q, receipts %d", c.Queue.Path, c.Queue.ReceiptsMaxSize)
	}
	if got := c.Dir(); runtime.GOOS != "windows" && got != "/run/relay/admin.d" {
		t.Errorf("directory %q", got)
	}
	var b strings.Builder
	must(t, c.WriteYAML(&b))
	if strings.Contains(b.String(), "swordfish") {
		t.Error("the password is shown")
	}
	t.Setenv("RUNTIME_DIRECTORY", "")
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	c, _, err = Parse("relay.yaml", []byte(`queue: { nats: { urls: [nats://127.0.0.1:4222, nats://127.0.0.1:4223, nats://127.0.0.1:4224], name: hub } }`), environment(nil))
	must(t, err)
	if got := filepath.Base(c.Dir()); got != "relay-hub" {
		t.Errorf("directory %q", c.Dir())
	}
	if d := Default("."); d.Queue.NATS.On() || d.Dir() != d.Queue.Path {
		t.Errorf("without servers: %q", d.Dir())
	}
}

// Keys that a queue on NATS does not support are refused, and so are contradictory ones.
func TestNATSRefuses(t *testing.T) {
	for _, c := range []struct{ queue, nats, more, want string }{
		{"path: data, ", "", "", "queue.path: queue.nats is set too"},
		{"receipts_max_size: 1MiB, ", "", "", "keeps no receipts"},
		{"dead_max_age: 7d, ", "", "", "keeps dead letters until they are dropped"},
		{"full: drop_oldest, ", "", "", "never drops events automatically"},
		{"dead_full: drop_oldest, ", "", "", "never drops events automatically"},
		{"segment_size: 1MiB, ", "", "", "no segments"},
		{"no_sync: true, ", "", "", "the servers decide how they sync"},
		{"", "", "spool: drop\n", "takes no dropped files"},
		{"", "", "forward: { url: \"https://hub.example.com\", key: k }\n", "cannot forward"},
		{"", ", name: a.b", "", "expected letters"},
		{"", ", replicas: 2", "", "expected 3 or 5"},
		{"", ", replicas: 1", "", "lost with its server"},
		{"", ", replicas: 5", "", "queue.nats.replicas needs 5 servers, and the list has 3"},
		{"", ", credentials: /nothing/relay.creds", "", "queue.nats.credentials is set too"},
		{"", ", cert: /nothing/c.pem", "", "cert and key belong together"},
		{"", ", monitor: [\"http://n0:8222\"]", "", "has 1 addresses for 3 servers"},
		{"", ", monitor: [n0, n1, n2]", "", "item 1 is not an address"},
		{"", ", lease: 5s", "", "less than 15s"},
	} {
		_, err := parseNATS(t, c.queue, c.nats, c.more)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s%s%s: %v, want %q", c.queue, c.nats, c.more, err, c.want)
		}
	}
	for text, want := range map[string]string{
		`queue: { nats: { urls: ["nats://u:p@127.0.0.1:4222"], replicas: 1, i_accept_loss: true } }`: "contains a user",
		`queue: { nats: { urls: ["https://n0"], replicas: 1, i_accept_loss: true } }`:                "item 1 is not a server",
		`queue: { nats: { replicas: 5 } }`:                                                           "queue.nats.urls is not set",
	} {
		if _, _, err := Parse("/etc/relay/relay.yaml", []byte(text), environment(nil)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
