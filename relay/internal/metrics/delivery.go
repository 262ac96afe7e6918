package metrics

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"relay/mapper"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
)

// delivery counts the outcomes of events on their way to Meta.
type delivery struct {
	requests   *prometheus.CounterVec
	duration   *prometheus.HistogramVec
	errors     *prometheus.CounterVec
	resends    *prometheus.CounterVec
	mismatches *prometheus.CounterVec
	limitWait  *prometheus.CounterVec
	usage      *prometheus.GaugeVec
	lag        *prometheus.HistogramVec
	clockSkew  prometheus.Gauge

	delivered *prometheus.CounterVec
	skipped   *prometheus.CounterVec
	dead      *prometheus.CounterVec
	redriven  *prometheus.CounterVec
	notes     *prometheus.CounterVec
	matchKeys *prometheus.CounterVec
	// keyCounters are the counters of mapper.KeyNames, by mapper.KeyState. They are looked
	// up once, since every conversion counts each key.
	keyCounters [][len(mapper.KeyStates)]prometheus.Counter

	labels labels
	tail   *Tail
}

// labels limits the labels that nothing else limits.
type labels struct {
	names    bounded // of conversions
	codes    bounded // Meta's codes; about 100 are known
	subcodes bounded
	notes    bounded
}

func newDelivery(r registrar, tail *Tail) *delivery {
	d := &delivery{
		requests: r.counterVec("relay_delivery_batches_total", "Requests to the Graph API, by outcome.", "event_set", "outcome"),
		duration: r.histogramVec("relay_delivery_duration_seconds", "Time one request to the Graph API took.",
			[]float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}, "event_set"),
		errors: r.counterVec("relay_delivery_errors_total", "Requests without success, by Meta's code and subcode. Code 0: an answer not from Meta, or none; failure then names the network error (dns, refused, certificate_expired, ...).",
			"event_set", "code", "subcode", "failure"),
		resends:    r.counterVec("relay_delivery_ambiguous_resends_total", "Requests sent again unchanged because the outcome of the first one is unknown.", "event_set"),
		mismatches: r.counterVec("relay_delivery_rebuild_mismatches_total", "Requests in doubt that could not be rebuilt identically and were mapped again.", "event_set"),
		limitWait:  r.counterVec("relay_rate_limit_wait_seconds_total", "Time lanes waited for the request rate.", "event_set"),
		usage:      r.gaugeVec("relay_destination_usage_ratio", "Highest share of Meta's rate limit used, from its last headers; 1 is the limit.", "event_set"),
		lag: r.histogramVec("relay_delivery_lag_seconds", "Time from receipt to delivery, of the oldest event of each request.",
			[]float64{1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600, 62 * 24 * 3600}, "event_set"),
		clockSkew: r.gauge("relay_clock_skew_seconds", "This machine's clock minus Meta's (with forward.url: the hub's), from the Date header of the last answer; 0 where they agree within its whole seconds."),

		delivered: r.counterVec("relay_events_delivered_total", "Conversions that Meta has accepted.", "event_set", "event"),
		skipped:   r.counterVec("relay_events_skipped_total", "Conversions deliberately not sent.", "reason"),
		dead:      r.counterVec("relay_events_dead_total", "Conversions and messages that became dead letters.", "reason"),
		redriven:  r.counterVec("relay_events_redriven_total", "Dead letters that were put back into the queue: by an operator, or by relay when their date came (future).", "cause"),
		notes:     r.counterVec("relay_event_notes_total", "Peculiarities of events that did not stop them.", "code"),
		matchKeys: r.counterVec("relay_match_keys_total", "Conversions that Meta has accepted, by match key: sent, missing, or left out as unusable.", "key", "result"),
		tail:      tail,
	}
	for _, key := range mapper.KeyNames() {
		var c [len(mapper.KeyStates)]prometheus.Counter
		for state, result := range mapper.KeyStates {
			c[state] = d.matchKeys.WithLabelValues(key, result)
		}
		d.keyCounters = append(d.keyCounters, c)
	}
	d.labels.names.limit, d.labels.codes.limit, d.labels.subcodes.limit, d.labels.notes.limit = 200, 100, 100, 200
	return d
}

// Drain returns the hooks for drain.
func (m *Metrics) Drain() drain.Metrics { return m.delivery }

// Note counts notes of the mapper by code.
func (m *Metrics) Note(code string, n int) { m.delivery.Note(code, n) }

// Redriven counts dead letters that went back into the queue.
func (m *Metrics) Redriven(cause string, n int) { m.delivery.Redriven(cause, n) }

// Attempt counts one request to the Graph API.
func (d *delivery) Attempt(lane string, r graph.Result, events int) {
	outcome := attemptOutcome(r.Class)
	d.requests.WithLabelValues(lane, outcome).Inc()
	d.duration.WithLabelValues(lane).Observe(r.Elapsed.Seconds())
	if outcome == "ok" {
		return
	}
	d.errors.WithLabelValues(lane, d.labels.codes.bound(strconv.Itoa(r.Code)), d.labels.subcodes.bound(strconv.Itoa(r.Subcode)), r.Failure.String()).Inc()
	if d.tail.Watched() {
		d.tail.publish(api.Outcome{
			Time: time.Now(), Outcome: "attempt", EventSet: lane, Reason: r.Class.String(), Message: r.Message,
			Code: r.Code, Subcode: r.Subcode, FBTraceID: r.FBTraceID, Count: events,
		})
	}
}

func attemptOutcome(c graph.Class) string {
	switch c {
	case graph.Delivered, graph.Duplicate:
		return "ok"
	case graph.Retry:
		return "retry"
	case graph.Doubt:
		return "doubt"
	case graph.Throttle:
		return "throttled"
	case graph.InvalidEvent, graph.InvalidBatch:
		return "rejected"
	}
	return "paused" // token, permission, settings: a person must act
}

// Delivered counts conversions that Meta accepted, and events that the hub has, by name.
func (d *delivery) Delivered(lane, name string, n int) {
	if n > 0 {
		d.delivered.WithLabelValues(lane, d.labels.names.bound(name)).Add(float64(n))
	}
}

// MatchKeys counts the match keys of one conversion Meta has accepted.
func (d *delivery) MatchKeys(_ string, keys []mapper.KeyResult) {
	for i := range keys { // in the order of mapper.KeyNames
		d.keyCounters[i][keys[i].State].Inc()
	}
}

// Lag records the age of the oldest event of a delivered request.
func (d *delivery) Lag(lane string, received, now time.Time) {
	d.lag.WithLabelValues(lane).Observe(max(0, now.Sub(received).Seconds()))
}

// Note counts notes of the mapper by code.
func (d *delivery) Note(code string, n int) { addTo(d.notes, d.labels.notes.bound(code), n) }

// Redriven counts dead letters that went back into the queue.
func (d *delivery) Redriven(cause string, n int) { addTo(d.redriven, cause, n) }

// Settled counts the outcomes of records.
func (d *delivery) Settled(lane, outcome string, n int) {
	if n <= 0 {
		return
	}
	kind, reason := cutOutcome(outcome)
	switch kind {
	case "skip":
		addTo(d.skipped, reason, n)
	case "dead":
		addTo(d.dead, reason, n)
	}
	if d.tail.Watched() && kind != "delivered" { // Tail.Delivery publishes each of those
		d.tail.publish(api.Outcome{Time: time.Now(), Outcome: kind, EventSet: lane, Reason: reason, Count: n})
	}
}

// cutOutcome splits an outcome such as "skip:unmapped".
func cutOutcome(s string) (kind, reason string) {
	kind, reason, _ = strings.Cut(s, ":")
	return kind, reason
}

// AmbiguousResend counts a request that was sent again because its outcome is unknown.
func (d *delivery) AmbiguousResend(lane string, _ int) { d.resends.WithLabelValues(lane).Inc() }

// RebuildMismatch counts a request in doubt that could not be made again with the same bytes.
func (d *delivery) RebuildMismatch(lane string) { d.mismatches.WithLabelValues(lane).Inc() }

// LimitWait adds time a lane waited for the request rate.
func (d *delivery) LimitWait(lane string, wait time.Duration) {
	d.limitWait.WithLabelValues(lane).Add(max(0, wait.Seconds()))
}

// StateChanged publishes a lane's state to the tail. The metric is read at each scrape.
func (d *delivery) StateChanged(lane string, state drain.State, _ time.Time) {
	if d.tail.Watched() {
		d.tail.publish(api.Outcome{Time: time.Now(), Outcome: "state", EventSet: lane, Reason: string(state)})
	}
}

// Usage sets the highest usage in Meta's headers, in percent.
func (d *delivery) Usage(lane string, percent float64) {
	d.usage.WithLabelValues(lane).Set(percent / 100)
}

// ClockSkew sets this machine's clock minus Meta's or the hub's.
func (d *delivery) ClockSkew(skew time.Duration) { d.clockSkew.Set(skew.Seconds()) }
