package metrics

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

	"relay/relay/internal/api"
	"relay/relay/internal/receipts"
)

// Metrics holds every metric of relay in a registry of its own and offers the
// hooks that ingest, drain and sidecar call. All hooks may be called from any
// goroutine; none blocks.
type Metrics struct {
	registry *prometheus.Registry
	tail     *Tail
	intake   *intake
	delivery *delivery

	config       *reloadMetrics
	mapping      *reloadMetrics
	mappingInfo  *prometheus.GaugeVec
	certNotAfter atomic.Pointer[func() time.Time]
	receipts     atomic.Pointer[func() receipts.Stats]

	mu     sync.Mutex
	digest string
	state  prometheus.Collector // reads queue and lanes; nil before Show
}

// New registers every metric. b fills relay_build_info.
func New(b api.Build) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), tail: new(Tail)}
	r := registrar{m.registry}
	m.intake = newIntake(r, m.tail)
	m.delivery = newDelivery(r, m.tail)
	m.config = newReloadMetrics(r, "config", "relay.yaml")
	m.mapping = newReloadMetrics(r, "mapping", "the mapping")
	m.mappingInfo = r.gaugeVec("relay_mapping_info", "1 for the mapping in force.", "digest")
	r.gaugeFunc("relay_tls_certificate_expiry_timestamp_seconds", "When the intake listener's certificate expires; 0 without one.", func() float64 {
		if at := m.certNotAfter.Load(); at != nil {
			return unixSeconds((*at)())
		}
		return 0
	})
	m.registry.MustRegister(&receiptsCollector{&m.receipts})
	r.gaugeVec("relay_build_info", "1, with what was built.", "version", "revision", "goversion").WithLabelValues(b.Version, b.Revision, b.GoVersion).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Tail returns the stream of outcomes, for `relay tail` and the page.
func (m *Metrics) Tail() *Tail { return m.tail }

// Handler serves scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: m.registry, MaxRequestsInFlight: 4})
}

// Text returns the text of a scrape.
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

// Show adds the state of queue and lanes that look returns to each scrape, until end is
// called. On a second call it returns an error: two would report each number twice.
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

// CertificateExpiry sets the function that returns when the intake's certificate expires.
func (m *Metrics) CertificateExpiry(at func() time.Time) { m.certNotAfter.Store(&at) }

// Receipts sets the function that returns the state of the receipts.
func (m *Metrics) Receipts(stats func() receipts.Stats) { m.receipts.Store(&stats) }

// registrar makes metrics and registers them.
type registrar struct{ *prometheus.Registry }

func (r registrar) counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.MustRegister(c)
	return c
}

func (r registrar) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	r.MustRegister(c)
	return c
}

func (r registrar) gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.MustRegister(g)
	return g
}

func (r registrar) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	r.MustRegister(g)
	return g
}

func (r registrar) gaugeFunc(name, help string, read func() float64) {
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

func (r registrar) histogramVec(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.MustRegister(h)
	return h
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

// bounded limits the values of a label: the first limit values are kept, later ones become
// "other". A client that invents names must not fill Prometheus's memory.
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
