package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"relay/queue"
	"relay/relay/internal/api"
	"relay/relay/internal/ingest"
)

// intake counts received events: over HTTP, from imports and from dropped files.
type intake struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	retries  prometheus.Counter
	received *prometheus.CounterVec
	tail     *Tail
}

func newIntake(r registrar, tail *Tail) *intake {
	return &intake{
		requests: r.counterVec("relay_http_requests_total", "Requests to the intake listener.", "route", "code"),
		duration: r.histogramVec("relay_http_request_duration_seconds", "Time from request to answer at the intake listener; a 200 includes the disk's sync.",
			[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route"),
		retries:  r.counter("relay_http_client_retries_total", "Requests that a client marked as a retry (X-Retry-Count)."),
		received: r.counterVec("relay_events_received_total", "Messages received, by what relay did with them.", "result"),
		tail:     tail,
	}
}

// Intake returns the hooks for ingest.
func (m *Metrics) Intake() ingest.Metrics { return m.intake }

// Request counts one answered request and its messages.
func (m *intake) Request(o ingest.Observation) {
	m.requests.WithLabelValues(o.Route, strconv.Itoa(o.Status)).Inc()
	m.duration.WithLabelValues(o.Route).Observe(o.Took.Seconds())
	stored := max(0, o.Stored-o.Rejected)
	m.stored(stored, o.Unmapped, o.Duplicates, o.Conflicts)
	addTo(m.received, "ignored", o.Ignored)
	addTo(m.received, "invalid", o.Rejected)
	if o.Retry > 0 {
		m.retries.Inc()
	}
	m.publishStored(o.Stored)
	if o.Status >= 400 && m.tail.Watched() {
		m.tail.publish(api.Outcome{Time: time.Now(), Outcome: "refused", Reason: o.Code, Code: o.Status, Count: 1})
	}
}

// Imported counts the events of an import or a dropped file.
func (m *Metrics) Imported(a queue.Appended, unmapped int) {
	m.intake.stored(a.Stored, min(unmapped, a.Stored), a.Duplicates, a.Conflicts)
	m.intake.publishStored(a.Stored)
}

func (m *intake) stored(stored, unmapped, duplicates, conflicts int) {
	addTo(m.received, "accepted", stored-unmapped)
	addTo(m.received, "unmapped", unmapped)
	addTo(m.received, "duplicate", duplicates)
	addTo(m.received, api.ReceivedIDConflict, conflicts)
}

func (m *intake) publishStored(n int) {
	if n > 0 && m.tail.Watched() {
		m.tail.publish(api.Outcome{Time: time.Now(), Outcome: "received", Count: n})
	}
}
