package admin

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"

	"relay/mapper"
	"relay/queue"
)

// Metrics holds every metric of relay in a registry of its own and offers the
// hooks that ingest, drain and main call. All hooks may be called from any
// goroutine; none blocks. What the queue and the lanes know themselves
// (depth, oldest event, disk) is not told here but read when somebody scrapes.
//
// Labels are bounded: reasons, results, codes and outcomes are enumerations,
// event sets and event names come from the mapping (names it does not know
// are counted as "other"), and no value of an event ever becomes one.
type Metrics struct {
	registry *prometheus.Registry

	httpRequests *prometheus.CounterVec
	httpDuration *prometheus.HistogramVec
	httpRetries  prometheus.Counter
	received     *prometheus.CounterVec

	batches      *prometheus.CounterVec
	delivered    *prometheus.CounterVec
	skipped      *prometheus.CounterVec
	dead         *prometheus.CounterVec
	redriven     *prometheus.CounterVec
	notes        *prometheus.CounterVec
	matchKeys    *prometheus.CounterVec
	mismatches   *prometheus.CounterVec
	errors       *prometheus.CounterVec
	resends      *prometheus.CounterVec
	duration     *prometheus.HistogramVec
	lag          *prometheus.HistogramVec
	usage        *prometheus.GaugeVec
	limitWait    *prometheus.CounterVec
	clockSkew    prometheus.Gauge
	config       *reloadMetrics
	mapping      *reloadMetrics
	mappingInfo  *prometheus.GaugeVec
	certNotAfter atomic.Pointer[func() time.Time]

	// keyCounters are those of mapper.KeyNames, by mapper.KeyState. They are
	// looked up once: every conversion counts one of each key.
	keyCounters [][len(mapper.KeyStates)]prometheus.Counter

	tail      *Tail
	names     bounded // conversion names
	codes     bounded // Meta's codes and subcodes: known ones are about 100
	subcodes  bounded
	noteCodes bounded
	mu        sync.Mutex
	digest    string
	state     prometheus.Collector // reads queue and lanes; nil: nobody shows them
}

// NewMetrics makes every metric; b fills relay_build_info.
func NewMetrics(b Build) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), tail: new(Tail)}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(g)
		return g
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		m.registry.MustRegister(h)
		return h
	}

	m.httpRequests = counter("relay_http_requests_total", "Requests to the intake listener.", "route", "code")
	m.httpDuration = histogram("relay_http_request_duration_seconds", "Time from request to answer at the intake listener; a 200 includes the disk's sync.",
		[]float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route")
	m.httpRetries = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "relay_http_client_retries_total",
		Help: "Requests whose client said that it tries again (X-Retry-Count).",
	})
	m.registry.MustRegister(m.httpRetries)
	m.received = counter("relay_events_received_total", "Messages that came in, by what relay did with them.", "result")

	m.batches = counter("relay_delivery_batches_total", "Requests to the Graph API, by what became of them.", "event_set", "outcome")
	m.delivered = counter("relay_events_delivered_total", "Conversions that Meta has accepted.", "event_set", "event")
	m.skipped = counter("relay_events_skipped_total", "Conversions deliberately not sent.", "reason")
	m.dead = counter("relay_events_dead_total", "Conversions and messages that became dead letters.", "reason")
	m.redriven = counter("relay_events_redriven_total", "Dead letters that were put back into the queue: by an operator, or by themselves when their date came (future).", "cause")
	m.notes = counter("relay_event_notes_total", "Odd things about events that did not stop them.", "code")
	m.matchKeys = counter("relay_match_keys_total", "Conversions that Meta has accepted, by match key: sent, missing, or left out as unusable.", "key", "result")
	for _, key := range mapper.KeyNames() {
		var c [len(mapper.KeyStates)]prometheus.Counter
		for state, result := range mapper.KeyStates {
			c[state] = m.matchKeys.WithLabelValues(key, result)
		}
		m.keyCounters = append(m.keyCounters, c)
	}
	m.errors = counter("relay_delivery_errors_total", "Answers of the Graph API other than success, by Meta's code and subcode; code 0: no answer, or none of Meta's form.",
		"event_set", "code", "subcode")
	m.mismatches = counter("relay_delivery_rebuild_mismatches_total", "Requests in doubt that could not be rebuilt identically and were mapped afresh.", "event_set")
	m.resends = counter("relay_delivery_ambiguous_resends_total", "Requests sent again unchanged because the first one's fate is unknown.", "event_set")
	m.duration = histogram("relay_delivery_duration_seconds", "Time one request to the Graph API took.",
		[]float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}, "event_set")
	m.lag = histogram("relay_delivery_lag_seconds", "Time from receipt to delivery, of the oldest event of each request.",
		[]float64{1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 3 * 24 * 3600, 7 * 24 * 3600, 62 * 24 * 3600}, "event_set")
	m.usage = gauge("relay_destination_usage_ratio", "Highest share of Meta's rate limit used, as last told by its headers; 1 is the limit.", "event_set")
	m.limitWait = counter("relay_rate_limit_wait_seconds_total", "Time lanes waited for the request rate.", "event_set")
	m.clockSkew = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "relay_clock_skew_seconds",
		Help: "This machine's clock minus Meta's, from the Date header of the last answer; 0 where they agree as far as whole seconds tell.",
	})
	m.registry.MustRegister(m.clockSkew)
	m.config = newReloadMetrics(m.registry, "config", "relay.yaml")
	m.mapping = newReloadMetrics(m.registry, "mapping", "the mapping")
	m.mappingInfo = gauge("relay_mapping_info", "1 for the mapping in force.", "digest")
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "relay_tls_certificate_expiry_timestamp_seconds",
		Help: "When the intake listener's certificate runs out; 0 without one.",
	}, func() float64 {
		if at := m.certNotAfter.Load(); at != nil {
			return unixSeconds((*at)())
		}
		return 0
	}))

	info := gauge("relay_build_info", "1, with what was built.", "version", "revision", "goversion")
	info.WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.names.limit, m.codes.limit, m.subcodes.limit, m.noteCodes.limit = 200, 100, 100, 200
	return m
}

// Tail is where the hooks publish what happens, for `relay tail` and the page.
func (m *Metrics) Tail() *Tail { return m.tail }

// Registry is where main may register more collectors.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: m.registry, MaxRequestsInFlight: 4})
}

// Show makes what look says of queue and lanes part of each scrape, until the
// function it returns is called. Only one at a time: two would show each number twice.
func (m *Metrics) Show(look func() State) (end func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state != nil {
		return nil, errors.New("these metrics already belong to a server")
	}
	c := &stateCollector{look}
	if err := m.registry.Register(c); err != nil {
		return nil, err
	}
	m.state = c
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.state == c {
			m.registry.Unregister(c)
			m.state = nil
		}
	}, nil
}

// Note counts notes of the mapper by code.
func (m *Metrics) Note(code string, n int) { addTo(m.notes, m.noteCodes.bound(code), n) }

// Redriven counts dead letters that went back into the queue.
func (m *Metrics) Redriven(cause string, n int) { addTo(m.redriven, cause, n) }

// CertificateExpiry takes what a scrape asks when the intake certificate runs out.
func (m *Metrics) CertificateExpiry(at func() time.Time) { m.certNotAfter.Store(&at) }

// ConfigLoaded tells of an attempt to load relay.yaml.
func (m *Metrics) ConfigLoaded(ok bool, at time.Time) { m.config.loaded(ok, at) }

// MappingLoaded tells of an attempt to load the mapping; digest is that of
// the mapping in force afterwards.
func (m *Metrics) MappingLoaded(ok bool, digest string, at time.Time) {
	m.mapping.loaded(ok, at)
	m.mu.Lock()
	defer m.mu.Unlock()
	if digest != "" && digest != m.digest {
		m.mappingInfo.Reset()
		m.mappingInfo.WithLabelValues(digest).Set(1)
		m.digest = digest
	}
}

// reloadMetrics are the same four for each file that is reloaded.
type reloadMetrics struct {
	ok      prometheus.Gauge
	time    prometheus.Gauge
	number  prometheus.Gauge
	refused prometheus.Counter
}

func newReloadMetrics(r *prometheus.Registry, prefix, what string) *reloadMetrics {
	m := &reloadMetrics{
		ok: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "relay_" + prefix + "_last_reload_successful",
			Help: "1 when the last attempt to load " + what + " was accepted.",
		}),
		time: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "relay_" + prefix + "_last_reload_success_timestamp_seconds",
			Help: "When " + what + " was last accepted.",
		}),
		number: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "relay_" + prefix + "_generation",
			Help: "How many times " + what + " has been accepted since the start.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "relay_" + prefix + "_reloads_refused_total",
			Help: "Attempts to load " + what + " that were refused; the one in force stayed.",
		}),
	}
	r.MustRegister(m.ok, m.time, m.number, m.refused)
	return m
}

func (m *reloadMetrics) loaded(ok bool, at time.Time) {
	if !ok {
		m.ok.Set(0)
		m.refused.Inc()
		return
	}
	m.ok.Set(1)
	m.time.Set(unixSeconds(at))
	m.number.Inc()
}

func addTo(c *prometheus.CounterVec, label string, n int) {
	if n > 0 {
		c.WithLabelValues(label).Add(float64(n))
	}
}

func unixSeconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

// bounded keeps a label from growing without end: the first limit values pass,
// later ones become "other". A mapping has few names; a client that makes
// them up must not fill the memory of Prometheus.
type bounded struct {
	mu    sync.RWMutex
	seen  map[string]struct{}
	limit int
}

func (b *bounded) bound(s string) string {
	b.mu.RLock()
	_, ok := b.seen[s]
	b.mu.RUnlock()
	if ok {
		return s
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen == nil {
		b.seen = make(map[string]struct{})
	}
	if _, ok := b.seen[s]; ok {
		return s
	}
	if len(b.seen) >= b.limit {
		return "other"
	}
	b.seen[s] = struct{}{}
	return s
}

// Imported counts what an import or a dropped file has brought.
func (m *Metrics) Imported(a queue.Appended, unmapped int) {
	addTo(m.received, "accepted", max(0, a.Stored-unmapped))
	addTo(m.received, "unmapped", min(unmapped, a.Stored))
	addTo(m.received, "duplicate", a.Duplicates)
	addTo(m.received, ReceivedIDConflict, a.Conflicts)
	if a.Stored > 0 && m.tail.Watched() {
		m.tail.Publish(Outcome{Time: time.Now(), Outcome: "received", Count: a.Stored})
	}
}

// Text is what a scrape shows.
func (m *Metrics) Text() ([]byte, error) {
	families, err := m.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather metrics: %w", err)
	}
	var buf bytes.Buffer
	enc := expfmt.NewEncoder(&buf, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return nil, fmt.Errorf("write metrics: %w", err)
		}
	}
	return buf.Bytes(), nil
}
