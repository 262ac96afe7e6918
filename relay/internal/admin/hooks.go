package admin

import (
	"strconv"
	"strings"
	"time"

	"relay/mapper"
	"relay/relay/internal/drain"
	"relay/relay/internal/graph"
	"relay/relay/internal/ingest"
)

// Intake is m as ingest wants it.
func (m *Metrics) Intake() ingest.Metrics { return intakeHooks{m} }

// Drain is m as drain wants it.
func (m *Metrics) Drain() drain.Metrics { return drainHooks{m} }

type intakeHooks struct{ m *Metrics }

// Request counts one answered request and its messages.
func (h intakeHooks) Request(o ingest.Observation) {
	m := h.m
	m.httpRequests.WithLabelValues(o.Route, strconv.Itoa(o.Status)).Inc()
	m.httpDuration.WithLabelValues(o.Route).Observe(o.Took.Seconds())
	stored := max(0, o.Stored-o.Rejected)
	addTo(m.received, "accepted", max(0, stored-o.Unmapped))
	addTo(m.received, "unmapped", o.Unmapped)
	addTo(m.received, "duplicate", o.Duplicates)
	addTo(m.received, ReceivedIDConflict, o.Conflicts)
	addTo(m.received, "ignored", o.Ignored)
	addTo(m.received, "invalid", o.Rejected)
	if o.Retry > 0 {
		m.httpRetries.Inc()
	}
	if o.Stored > 0 && m.tail.Watched() {
		m.tail.Publish(Outcome{Time: time.Now(), Outcome: "received", Count: o.Stored})
	}
	if o.Status >= 400 && m.tail.Watched() {
		m.tail.Publish(Outcome{Time: time.Now(), Outcome: "refused", Reason: o.Code, Code: o.Status, Count: 1})
	}
}

type drainHooks struct{ m *Metrics }

// Attempt counts one request to the Graph API.
func (h drainHooks) Attempt(lane string, r graph.Result, events int) {
	m := h.m
	outcome := attemptOutcome(r.Class)
	m.batches.WithLabelValues(lane, outcome).Inc()
	m.duration.WithLabelValues(lane).Observe(r.Elapsed.Seconds())
	if outcome == "ok" {
		return
	}
	m.errors.WithLabelValues(lane, m.codes.bound(strconv.Itoa(r.Code)), m.subcodes.bound(strconv.Itoa(r.Subcode))).Inc()
	if m.tail.Watched() {
		m.tail.Publish(Outcome{
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
	return "paused" // token, permission, settings: somebody must act
}

// Delivered counts conversions Meta has accepted, by their name.
func (h drainHooks) Delivered(lane, name string, n int) {
	if n > 0 {
		h.m.delivered.WithLabelValues(lane, h.m.names.bound(name)).Add(float64(n))
	}
}

// MatchKeys counts the match keys of one conversion Meta has accepted.
func (h drainHooks) MatchKeys(_ string, keys []mapper.KeyResult) {
	for i := range keys { // in the order of mapper.KeyNames
		h.m.keyCounters[i][keys[i].State].Inc()
	}
}

// Lag is the age of the oldest event of a delivered request.
func (h drainHooks) Lag(lane string, received, now time.Time) {
	h.m.lag.WithLabelValues(lane).Observe(max(0, now.Sub(received).Seconds()))
}

// Note counts notes of the mapper by code.
func (h drainHooks) Note(code string, n int) { h.m.Note(code, n) }

// Redriven counts dead letters that went back by themselves.
func (h drainHooks) Redriven(reason string, n int) { addTo(h.m.redriven, reason, n) }

// Settled counts what records became.
func (h drainHooks) Settled(lane, outcome string, n int) {
	if n <= 0 {
		return
	}
	kind, reason := cutOutcome(outcome)
	switch kind {
	case "skip":
		addTo(h.m.skipped, reason, n)
	case "dead":
		addTo(h.m.dead, reason, n)
	}
	if h.m.tail.Watched() && kind != "delivered" { // Delivery tells of each of those
		h.m.tail.Publish(Outcome{Time: time.Now(), Outcome: kind, EventSet: lane, Reason: reason, Count: n})
	}
}

// AmbiguousResend counts a request sent again because nobody knows what became
// of it.
func (h drainHooks) AmbiguousResend(lane string, _ int) { h.m.resends.WithLabelValues(lane).Inc() }

// RebuildMismatch counts a request in doubt that could not be rebuilt.
func (h drainHooks) RebuildMismatch(lane string) { h.m.mismatches.WithLabelValues(lane).Inc() }

// LimitWait adds time a lane waited for the request rate.
func (h drainHooks) LimitWait(lane string, wait time.Duration) {
	h.m.limitWait.WithLabelValues(lane).Add(max(0, wait.Seconds()))
}

// StateChanged is for the tail; the metric is read at each scrape.
func (h drainHooks) StateChanged(lane string, state drain.State, _ time.Time) {
	if h.m.tail.Watched() {
		h.m.tail.Publish(Outcome{Time: time.Now(), Outcome: "state", EventSet: lane, Reason: string(state)})
	}
}

// Usage is the highest usage of Meta's headers, in percent.
func (h drainHooks) Usage(lane string, percent float64) {
	h.m.usage.WithLabelValues(lane).Set(percent / 100)
}

// ClockSkew is ours minus Meta's.
func (h drainHooks) ClockSkew(skew time.Duration) { h.m.clockSkew.Set(skew.Seconds()) }

// Delivery tells the tail of every conversion of an accepted request; for
// drain.Options.Delivered.
func (t *Tail) Delivery(d drain.Delivery) {
	if !t.Watched() {
		return
	}
	for _, it := range d.Items {
		t.Publish(Outcome{
			Time: d.At, Outcome: "delivered", MessageID: it.MessageID, Event: it.Event, EventSet: d.EventSet,
			FBTraceID: d.FBTraceID,
		})
	}
}

// cutOutcome takes "skip:unmapped" apart.
func cutOutcome(s string) (kind, reason string) {
	kind, reason, _ = strings.Cut(s, ":")
	return kind, reason
}
