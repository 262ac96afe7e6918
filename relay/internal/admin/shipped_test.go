package admin

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"relay/relay/internal/drain"
)

// The dashboard, the alerts and their tests name only metrics that a scrape
// shows, and only states that an event set can be in.
func TestShippedMetricNames(t *testing.T) {
	f := newFixture(t, nil)
	exercise(f.o.Metrics)
	_, body, _ := f.ask("GET", "/metrics", "")
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(body, -1) {
		known[m[1]] = true
		if m[2] == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				known[m[1]+suffix] = true
			}
		}
	}
	for _, name := range []string{"relay_queue_drain_estimate_seconds", "relay_build_info"} {
		if !known[name] {
			t.Fatalf("the scrape shows no %s", name)
		}
	}
	var states []string
	for _, s := range drain.States() {
		states = append(states, string(s))
	}
	states = append(states, "pending", "inflight", "retry", "dead", "unmapped")
	for _, file := range []string{"grafana/relay.json", "prometheus/alerts.yaml", "prometheus/alerts_test.yaml"} {
		b, err := os.ReadFile("../../../packaging/" + file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), `\"`, `"`)
		names := regexp.MustCompile(`\b(relay|process|go)_[a-z_0-9]+`).FindAllString(text, -1)
		if len(names) < 20 {
			t.Errorf("%s names only %d metrics", file, len(names))
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s: no metric %s", file, name)
			}
		}
		for _, m := range regexp.MustCompile(`state!?[=~]+"([^"]+)"`).FindAllStringSubmatch(text, -1) {
			for s := range strings.SplitSeq(m[1], "|") {
				if !slices.Contains(states, s) {
					t.Errorf("%s: no state %q", file, s)
				}
			}
		}
	}
}
