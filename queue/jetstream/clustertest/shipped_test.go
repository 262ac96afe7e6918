package clustertest

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// relay accepts a server with the shipped configuration.
func TestShippedConfiguration(t *testing.T) {
	t.Setenv("NATS_NAME", "nats-0")
	t.Setenv("NATS_PASSWORD", "swordfish")
	text, err := os.ReadFile("../../../packaging/nats/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	plain := regexp.MustCompile(`(?s)\ntls \{.*?\n\}\n`).ReplaceAll(text, nil) // its files do not exist here
	if len(plain) == len(text) {
		t.Error("the shipped configuration has no tls section")
	}
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, plain, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !o.SyncAlways || o.MaxPayload < 8<<20 || !o.JetStream || o.JetStreamMaxStore < 100<<30 || o.HTTPPort != 8222 || len(o.Routes) != 3 || o.ServerName != "nats-0" || len(o.Users) != 1 {
		t.Errorf("%+v", o)
	}
}
