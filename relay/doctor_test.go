package main

import (
	"encoding/json"
	"strings"
	"testing"

	"relay/relay/internal/doctor"
	"relay/relay/internal/exit"
)

// What keeps config or mapping from being taken is a finding for programs too.
func TestDoctorRefused(t *testing.T) {
	for name, c := range map[string]struct{ config, mapping, check, text string }{
		"config":     {"listen: 127.0.0.1:0\nqueu: {}\n", testMapping, "config", "queu"},
		"mapping":    {"listen: 127.0.0.1:0\nmapping: mapping.yaml\n", "version: 1\nevent: {}\n", "mapping", "event"},
		"no mapping": {"listen: 127.0.0.1:0\nmapping: other.yaml\n", testMapping, "mapping", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "", c.mapping)
			h.write(t, "relay.yaml", c.config)
			out, code := h.command(t, "doctor", "--json", "--config", h.path("relay.yaml"))
			line, _, _ := strings.Cut(out, "\n")
			var f doctor.Finding
			if err := json.Unmarshal([]byte(line), &f); err != nil || code != exit.Config {
				t.Fatalf("%d: %v\n%s", code, err, out)
			}
			if f.Check != c.check || f.Code != "refused" || f.Level != doctor.Fail || !strings.Contains(f.Text, c.text) || f.Fix == "" || f.Who == "" {
				t.Errorf("%+v", f)
			}
		})
	}
}
