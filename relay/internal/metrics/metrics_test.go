package metrics

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"relay/mapper"
	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/forward"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
	"relay/relay/internal/receipts"
	"relay/relay/internal/spool"
)

const (
	setA = "701000000000001"
	setB = "701000000000002"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// at returns the time d after noon.
func at(d time.Duration) *time.Time {
	t := noon.Add(d)
	return &t
}

// busy returns the state of a relay in which every metric has a value.
func busy() State {
	return State{
		Ready: true, Unmapped: 1, Dropped: new(spool.DirectoryStatus), Stores: []forward.Seen{{Store: "0042"}}, Delivers: &api.Delivers{Here: true},
		Queue: queue.Stats{Segments: 2, DiskBytes: 1 << 20, MaxSize: 1 << 30, HighMark: 1 << 30, VolumeFree: 5 << 30, VolumeSize: 20 << 30, Appended: 7, Dead: 4},
		Lanes: []api.LaneInfo{
			{
				Lane: setA, State: string(drain.PausedToken), Pending: 2, OldestAt: at(-time.Hour), Failures: 3, NextAttemptAt: at(time.Minute),
				LastError: &api.LaneError{At: noon, Class: "token"},
			},
			{
				Lane: setB, State: string(drain.Sending), Pending: 2, InFlight: 1, OldestAt: at(-time.Minute), LastSuccessAt: at(0),
				DryRun: map[string]int64{"send": 5, "dead:expired": 2, "skip:no_customer": 1},
			},
		},
	}
}

// exercised returns metrics of which each has a series.
func exercised(t *testing.T) *Metrics {
	t.Helper()
	m := New(api.Build{Version: "1", Revision: "abc", GoVersion: "go1.26"})
	end, err := m.Show(busy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	exercise(m)
	return m
}

// exercise calls every hook.
func exercise(m *Metrics) {
	m.Intake().Request(ingest.Observation{Route: "batch", Status: 200, Took: time.Millisecond, Stored: 5, Duplicates: 1, Unmapped: 1, Ignored: 2, Rejected: 1, Retry: 1})
	d := m.Drain()
	d.Attempt(setA, graph.Result{Class: graph.Delivered, Elapsed: time.Second}, 3)
	d.Attempt(setA, graph.Result{Class: graph.TokenPause, Code: 190, Subcode: 463}, 3)
	d.Attempt(setA, graph.Result{Class: graph.Retry, Failure: graph.FailureDNS}, 3)
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
	m.Receipts(func() receipts.Stats { return receipts.Stats{Bytes: 4096} })
	m.ConfigLoaded(true, noon)
	m.MappingLoaded(true, "3f2a9c10", noon)
	m.MappingLoaded(false, "3f2a9c10", noon)
	d.MatchKeys(setA, keysOf(map[string]mapper.KeyState{"email": mapper.KeySent}))
}

// keysOf returns the match keys of a conversion. Those that are not named are missing.
func keysOf(states map[string]mapper.KeyState) (keys []mapper.KeyResult) {
	for _, name := range mapper.KeyNames() {
		keys = append(keys, mapper.KeyResult{Key: name, State: states[name]})
	}
	return keys
}

// scrape returns what Prometheus reads.
func scrape(m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetricsAreLinted(t *testing.T) {
	problems, err := testutil.GatherAndLint(exercised(t).registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The names follow Prometheus' conventions: base units, _total on counters.
func TestMetricNames(t *testing.T) {
	body := scrape(exercised(t))
	for _, want := range []string{
		"relay_build_info{", `relay_http_requests_total{code="200",route="batch"} 1`, "relay_http_request_duration_seconds_bucket",
		`relay_events_received_total{result="accepted"} 3`, `relay_events_received_total{result="unmapped"} 1`, `relay_events_received_total{result="duplicate"} 1`,
		`relay_events_received_total{result="ignored"} 2`, `relay_events_received_total{result="invalid"} 1`,
		`relay_queue_events{state="pending"} 1`, `relay_queue_events{state="inflight"} 1`, `relay_queue_events{state="retry"} 2`, `relay_queue_events{state="dead"} 4`, `relay_queue_events{state="unmapped"} 1`,
		"relay_queue_capacity_events ", "relay_queue_db_size_bytes 1.048576e+06", "relay_queue_db_free_bytes ", "relay_queue_db_max_bytes ",
		"relay_queue_oldest_event_timestamp_seconds 1.7803", `relay_delivery_batches_total{event_set="701000000000001",outcome="ok"} 1`,
		`relay_delivery_batches_total{event_set="701000000000001",outcome="paused"} 1`,
		`relay_delivery_errors_total{code="190",event_set="701000000000001",failure="",subcode="463"} 1`,
		`relay_delivery_errors_total{code="0",event_set="701000000000001",failure="dns",subcode="0"} 1`,
		`relay_events_delivered_total{event="Purchase",event_set="701000000000001"} 3`, `relay_events_dead_total{reason="expired"} 1`,
		"relay_delivery_duration_seconds_bucket", `relay_delivery_lag_seconds_sum{event_set="701000000000001"} 60`,
		`relay_delivery_last_success_timestamp_seconds{event_set="701000000000002"} 1.78`,
		`relay_destination_usage_ratio{event_set="701000000000001"} 0.42`, `relay_rate_limit_wait_seconds_total{event_set="701000000000001"} 1`,
		"relay_config_last_reload_successful 1", "relay_config_last_reload_success_timestamp_seconds ", "relay_mapping_last_reload_successful 0",
		"relay_mapping_last_reload_success_timestamp_seconds ", "relay_mapping_reloads_refused_total 1", "relay_mapping_generation 1",
		`relay_mapping_info{digest="3f2a9c10"} 1`, `relay_match_keys_total{key="email",result="sent"} 1`, "relay_clock_skew_seconds -3",
		"go_goroutines ", "process_", `relay_lane_state{event_set="701000000000001",state="paused_token"} 1`, "relay_ready 1",
		`relay_lane_events{event_set="701000000000001"} 2`, "relay_queue_drain_estimate_seconds -1",
		`relay_dry_run_conversions{event_set="701000000000002",outcome="send",reason=""} 5`,
		`relay_dry_run_conversions{event_set="701000000000002",outcome="hold",reason="expired"} 2`,
		`relay_dry_run_conversions{event_set="701000000000002",outcome="skip",reason="no_customer"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Names that clients choose must not fill the memory of Prometheus.
func TestLabelsAreBounded(t *testing.T) {
	m := New(api.Build{})
	for i := range 1000 {
		m.Drain().Delivered(setA, "Made up "+strconv.Itoa(i), 1)
	}
	n, other := 0, 0.0
	each(m.delivery.delivered, func(l map[string]string, v float64) {
		n++
		if l["event"] == "other" {
			other = v
		}
	})
	if n > 201 || other != 800 {
		t.Errorf("%d series, %v under other", n, other)
	}
}

// Two queues on the same metrics would show each number twice.
func TestMetricsShowOneQueue(t *testing.T) {
	m := New(api.Build{})
	end, err := m.Show(busy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Show(busy); err == nil {
		t.Error("a second queue on the same metrics")
	}
	end()
	end()
	if end, err = m.Show(busy); err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	end()
}

func TestCoverage(t *testing.T) {
	m := New(api.Build{})
	for _, states := range []map[string]mapper.KeyState{
		{"email": mapper.KeySent, "phone": mapper.KeySent},
		{"email": mapper.KeySent, "phone": mapper.KeyUnusable},
		{"email": mapper.KeySent, "external_id": mapper.KeySent},
	} {
		m.Drain().MatchKeys(setA, keysOf(states))
	}
	got := map[string]api.Coverage{}
	for _, c := range m.Coverage() {
		got[c.Key] = c
	}
	for key, want := range map[string]api.Coverage{
		"email":       {Key: "email", Sent: 3},
		"phone":       {Key: "phone", Sent: 1, Missing: 1, Unusable: 1},
		"city":        {Key: "city", Missing: 3},
		"external_id": {Key: "external_id", Sent: 1, Missing: 2},
	} {
		if got[key] != want {
			t.Errorf("%s: %+v, want %+v", key, got[key], want)
		}
	}
}

// A watcher that does not read blocks no lane, and gets the number of outcomes it missed.
func TestTailNeverBlocks(t *testing.T) {
	var tail Tail
	w := tail.Watch()
	defer tail.Leave(w)
	for range cap(w.C) + 5 {
		tail.publish(api.Outcome{})
	}
	if n := w.Missed(); n != 5 {
		t.Errorf("missed %d, want 5", n)
	}
}
