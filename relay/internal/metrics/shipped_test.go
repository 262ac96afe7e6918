package metrics

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"relay/relay/internal/drain"
	"relay/relay/internal/spool"
)

// The dashboard, the alerts and their tests name only metrics that a scrape
// shows, and only states that an event set can be in.
func TestShippedMetricNames(t *testing.T) {
	body := scrape(exercised(t))
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
	states = append(states, "pending", "inflight", "retry", "dead", "unmapped", "waiting")
	for _, why := range spool.Reasons() {
		states = append(states, string(why))
	}
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

var update = flag.Bool("update", false, "rewrite docs/metrics.md with what a scrape says")

// The document of the metrics is what a scrape says of itself.
func TestMetricsAreDocumented(t *testing.T) {
	const path = "../../../docs/metrics.md"
	families, err := exercised(t).registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Metrics\n\nAt `/metrics` of `health.listen` and `admin.listen`, for Prometheus; [alerts](../packaging/prometheus/alerts.yaml) and a\n" +
		"[dashboard](../packaging/grafana/relay.json) use them. Times are seconds since 1970, not ages. Beside these there are the\n" +
		"usual `go_*` and `process_*`. This page is made from a scrape.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range families {
		if !strings.HasPrefix(m.GetName(), "relay_") {
			continue
		}
		labels := map[string]bool{}
		for _, one := range m.GetMetric() {
			for _, l := range one.GetLabel() {
				labels["`"+l.GetName()+"`"] = true
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.GetName(), strings.ToLower(m.GetType().String()),
			strings.Join(slices.Sorted(maps.Keys(labels)), " "), strings.ReplaceAll(m.GetHelp(), "|", `\|`))
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("docs/metrics.md is not what a scrape says (go test ./relay/internal/metrics -run MetricsAreDocumented -update)")
	}
}
