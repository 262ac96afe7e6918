package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"relay/mapper"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
)

// exercise calls every hook, so that every metric has a series.
func exercise(m *Metrics) {
	m.Intake().Request(ingest.Observation{Route: "batch", Status: 200, Took: time.Millisecond, Stored: 5, Duplicates: 1, Unmapped: 1, Ignored: 2, Rejected: 1, Retry: 1})
	d := m.Drain()
	d.Attempt(setA, graph.Result{Class: graph.Delivered, Elapsed: time.Second}, 3)
	d.Attempt(setA, graph.Result{Class: graph.TokenPause, Code: 190, Subcode: 463}, 3)
	d.Delivered(setA, "Purchase", 3)
	d.Lag(setA, noon.Add(-time.Minute), noon)
	d.Settled(setA, "delivered", 3)
	d.Settled(setA, "skip:no_consent", 1)
	d.Settled(setA, "dead:expired", 1)
	d.Note("zero_value", 1)
	d.AmbiguousResend(setA, 3)
	d.RebuildMismatch(setA)
	d.LimitWait(setA, time.Second)
	d.Usage(setA, 42)
	d.StateChanged(setA, drain.Idle, noon)
	d.ClockSkew(-3 * time.Second)
	d.Redriven("future", 1)
	m.CertificateExpiry(func() time.Time { return noon })
	m.ConfigLoaded(true, noon)
	m.MappingLoaded(true, "3f2a9c10", noon)
	m.MappingLoaded(false, "3f2a9c10", noon)
	d.MatchKeys(setA, keysOf(map[string]mapper.KeyState{"email": mapper.KeySent}))
}

// keysOf are the match keys of a conversion; those not named are missing.
func keysOf(states map[string]mapper.KeyState) (keys []mapper.KeyResult) {
	for _, name := range mapper.KeyNames() {
		keys = append(keys, mapper.KeyResult{Key: name, State: states[name]})
	}
	return keys
}

func TestMetricsAreLinted(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.Metrics = NewMetrics(Build{Version: "1", Revision: "abc", GoVersion: "go1.26"}) })
	exercise(f.o.Metrics)
	problems, err := testutil.GatherAndLint(f.o.Metrics.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The names follow Prometheus' conventions: base units, _total on counters.
func TestMetricNames(t *testing.T) {
	f := newFixture(t, nil)
	exercise(f.o.Metrics)
	status, body, _ := f.ask("GET", "/metrics", "")
	if status != 200 {
		t.Fatal(body)
	}
	for _, want := range []string{
		"relay_build_info{", `relay_http_requests_total{code="200",route="batch"} 1`, "relay_http_request_duration_seconds_bucket",
		`relay_events_received_total{result="accepted"} 3`, `relay_events_received_total{result="unmapped"} 1`, `relay_events_received_total{result="duplicate"} 1`,
		`relay_events_received_total{result="ignored"} 2`, `relay_events_received_total{result="invalid"} 1`,
		`relay_queue_events{state="pending"} 1`, `relay_queue_events{state="inflight"} 1`, `relay_queue_events{state="retry"} 2`, `relay_queue_events{state="dead"} 4`, `relay_queue_events{state="unmapped"} 1`,
		"relay_queue_capacity_events ", "relay_queue_db_size_bytes 1.048576e+06", "relay_queue_db_free_bytes ", "relay_queue_db_max_bytes ",
		"relay_queue_oldest_event_timestamp_seconds 1.7803", `relay_delivery_batches_total{event_set="701000000000001",outcome="ok"} 1`,
		`relay_delivery_batches_total{event_set="701000000000001",outcome="paused"} 1`,
		`relay_delivery_errors_total{code="190",event_set="701000000000001",subcode="463"} 1`,
		`relay_events_delivered_total{event="Purchase",event_set="701000000000001"} 3`, `relay_events_dead_total{reason="expired"} 1`,
		"relay_delivery_duration_seconds_bucket", `relay_delivery_lag_seconds_sum{event_set="701000000000001"} 60`,
		`relay_delivery_last_success_timestamp_seconds{event_set="701000000000002"} 1.78`,
		`relay_destination_usage_ratio{event_set="701000000000001"} 0.42`, `relay_rate_limit_wait_seconds_total{event_set="701000000000001"} 1`,
		"relay_config_last_reload_successful 1", "relay_config_last_reload_success_timestamp_seconds ", "relay_mapping_last_reload_successful 0",
		"relay_mapping_last_reload_success_timestamp_seconds ", "relay_mapping_reloads_refused_total 1", "relay_mapping_generation 1",
		`relay_mapping_info{digest="3f2a9c10"} 1`, `relay_match_keys_total{key="email",result="sent"} 1`, "relay_clock_skew_seconds -3",
		"go_goroutines ", "process_", `relay_lane_state{event_set="701000000000001",state="paused_token"} 1`, "relay_ready 1",
		`relay_lane_events{event_set="701000000000003"} 1`, "relay_queue_drain_estimate_seconds -1",
		`relay_dry_run_conversions{event_set="701000000000002",outcome="send",reason=""} 5`,
		`relay_dry_run_conversions{event_set="701000000000002",outcome="hold",reason="expired"} 2`,
		`relay_dry_run_conversions{event_set="701000000000002",outcome="skip",reason="no_customer"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, secret := range []string{"pat@", "cust-0042", "m-1", "o-77"} {
		if strings.Contains(body, secret) {
			t.Errorf("metrics hold %q", secret)
		}
	}
}

// Names that nobody bounds must not fill the memory of Prometheus.
func TestLabelsAreBounded(t *testing.T) {
	m := NewMetrics(Build{})
	for i := range 1000 {
		m.Drain().Delivered(setA, "Made up "+itoa3(i), 1)
	}
	n, other := 0, 0.0
	each(m.delivered, func(l map[string]string, v float64) {
		n++
		if l["event"] == "other" {
			other = v
		}
	})
	if n > 201 || other != 800 {
		t.Errorf("%d series, %v under other", n, other)
	}
}

// Two servers on the same metrics would show each number twice.
func TestMetricsBelongToOneServer(t *testing.T) {
	m := NewMetrics(Build{})
	a, err := New(Options{Listen: "127.0.0.1:0", Queue: &memQueue{}, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Listen: "127.0.0.1:0", Queue: &memQueue{}, Metrics: m}); err == nil {
		t.Error("a second server on the same metrics")
	}
	a.Close()
	b, err := New(Options{Listen: "127.0.0.1:0", Queue: &memQueue{}, Metrics: m})
	if err != nil {
		t.Fatalf("after the first closed: %v", err)
	}
	b.Close()
}
