package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"relay/relay/internal/receipts"
)

// The descriptions below are tables, never changed.
var (
	descReceiptsBytes  = desc("relay_receipts_bytes", "Size of the receipts of what was delivered.")
	descReceiptsFailed = desc("relay_receipts_failed_total", "Accepted requests whose receipts could not be written.")
)

// receiptsCollector reads the receipts when somebody scrapes; where none are kept it
// shows nothing.
type receiptsCollector struct {
	stats *atomic.Pointer[func() receipts.Stats]
}

// Describe implements prometheus.Collector.
func (c *receiptsCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- descReceiptsBytes
	ch <- descReceiptsFailed
}

// Collect implements prometheus.Collector.
func (c *receiptsCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.stats.Load()
	if stats == nil {
		return
	}
	st := (*stats)()
	ch <- prometheus.MustNewConstMetric(descReceiptsBytes, prometheus.GaugeValue, float64(st.Bytes))
	ch <- prometheus.MustNewConstMetric(descReceiptsFailed, prometheus.CounterValue, float64(st.Failures))
}
