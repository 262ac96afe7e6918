package metrics

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"relay/relay/internal/api"
)

// each calls fn for every series of a vector.
func each(c prometheus.Collector, fn func(labels map[string]string, value float64)) {
	ch := make(chan prometheus.Metric)
	go func() { // ends with Collect, which the loop below drains
		defer close(ch)
		c.Collect(ch)
	}()
	for m := range ch {
		var d dto.Metric
		if m.Write(&d) != nil {
			continue
		}
		labels := make(map[string]string, len(d.GetLabel()))
		for _, l := range d.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		switch {
		case d.Counter != nil:
			fn(labels, d.Counter.GetValue())
		case d.Gauge != nil:
			fn(labels, d.Gauge.GetValue())
		}
	}
}

// Coverage returns how often conversions had each match key, the most frequent first.
func (m *Metrics) Coverage() []api.Coverage {
	byKey := map[string]*api.Coverage{}
	each(m.delivery.matchKeys, func(l map[string]string, v float64) {
		c := byKey[l["key"]]
		if c == nil {
			c = &api.Coverage{Key: l["key"]}
			byKey[l["key"]] = c
		}
		switch l["result"] {
		case "sent":
			c.Sent += int64(v)
		case "missing":
			c.Missing += int64(v)
		case "unusable":
			c.Unusable += int64(v)
		}
	})
	out := make([]api.Coverage, 0, len(byKey))
	for _, c := range byKey {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b api.Coverage) int { return cmp.Or(cmp.Compare(b.Sent, a.Sent), cmp.Compare(a.Key, b.Key)) })
	return out
}

// Totals returns the totals since the start of this process.
func (m *Metrics) Totals() api.Totals {
	t := api.Totals{Received: sums(m.intake.received, "result"), Skipped: sums(m.delivery.skipped, "reason"), Dead: sums(m.delivery.dead, "reason")}
	each(m.delivery.delivered, func(_ map[string]string, v float64) { t.Delivered += int64(v) })
	return t
}

// ClockSkew returns this machine's clock minus Meta's or the hub's, in seconds.
func (m *Metrics) ClockSkew() float64 {
	var v float64
	each(m.delivery.clockSkew, func(_ map[string]string, x float64) { v = x })
	return v
}

func sums(c prometheus.Collector, label string) map[string]int64 {
	out := map[string]int64{}
	each(c, func(l map[string]string, v float64) { out[strings.Clone(l[label])] += int64(v) })
	return out
}
