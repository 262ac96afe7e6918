// Package metrics counts what a running relay does, for Prometheus (docs/metrics.md),
// for the status (totals, coverage of match keys) and for whoever watches (Tail).
//
//	ingest ──Intake()──┐
//	drain ──Drain()────┼─► counters ─┐
//	sidecar ───────────┘             ├─► Handler (a scrape), Text (the support bundle)
//	queue, lanes ◄── Show(look) ─────┘   read when somebody scrapes
//
// What it guarantees:
//
//   - A hook never blocks, and may be called from any goroutine. Nothing an event
//     needs on its way passes through here: metrics are told, they are not asked.
//   - What the queue and the lanes know themselves (depth, oldest event, disk) is
//     read when somebody scrapes, so that it is never out of date.
//   - No personal data. Labels are bounded: reasons, results, codes and outcomes are
//     enumerations, event sets and event names come from the mapping (unknown names
//     are counted as "other"), and no value of an event ever becomes a label.
//   - A watcher of the tail that cannot keep up is told how many outcomes it missed;
//     it slows nothing down.
//
// Hazard: counters live in memory only and start over with the process.
package metrics
