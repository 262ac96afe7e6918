// Package metrics counts what a running relay does, for Prometheus (docs/metrics.md),
// for the status (totals, coverage of match keys) and for `relay tail` and the page (Tail).
//
//	ingest ──Intake()──┐
//	drain ──Drain()────┼─► counters ─┐
//	sidecar ───────────┘             ├─► Handler (a scrape), Text (the support bundle)
//	queue, lanes ◄── Show(look) ─────┘   read at each scrape
//
// Guarantees:
//
//   - A hook never blocks and can be called from any goroutine. Delivery never depends
//     on a metric.
//   - The state of queue and lanes (depth, oldest event, disk) is read at each scrape, so
//     it is never out of date.
//   - No personal data. Labels are bounded: reasons, results, codes and outcomes are
//     enumerations, event sets and event names come from the mapping (unknown names
//     are counted as "other"), and no value of an event ever becomes a label.
//   - A watcher of the tail that cannot keep up gets the number of outcomes it missed; it
//     slows nothing down.
//
// Pitfall: counters are in memory only and start at 0 with the process.
package metrics
