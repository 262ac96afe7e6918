package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ConfigLoaded records an attempt to load relay.yaml.
func (m *Metrics) ConfigLoaded(ok bool, at time.Time) { m.config.loaded(ok, at) }

// MappingLoaded records an attempt to load the mapping. digest is that of the current mapping
// afterwards.
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

// reloadMetrics are the metrics of one file that is reloaded.
type reloadMetrics struct {
	ok      prometheus.Gauge
	time    prometheus.Gauge
	number  prometheus.Gauge
	refused prometheus.Counter
}

func newReloadMetrics(r registrar, prefix, what string) *reloadMetrics {
	return &reloadMetrics{
		ok:      r.gauge("relay_"+prefix+"_last_reload_successful", "1 when the last attempt to load "+what+" was accepted."),
		time:    r.gauge("relay_"+prefix+"_last_reload_success_timestamp_seconds", "When "+what+" was last accepted."),
		number:  r.gauge("relay_"+prefix+"_generation", "How many times "+what+" has been accepted since the start."),
		refused: r.counter("relay_"+prefix+"_reloads_refused_total", "Attempts to load "+what+" that were refused; the previous one stays in use."),
	}
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
