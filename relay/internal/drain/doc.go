// Package drain delivers events from the queue to Meta, with one lane (one goroutine)
// for each event set. Package batch decides what is sent and what an answer means for
// each event, and package pace when and how much is sent; both are pure. Package ledger
// keeps decisions until the queue has stored them. Package release redrives
// future-dated dead letters.
//
//	queue ──Read──► map ──► group ──► limit ──► store intent ──► send ──► classify
//	  ▲                                                                      │
//	  └──────────── Settle: records, letters, counts, state ◄────────────────┘
//
// To follow one event, read the files in this order:
//
//	supervisor.go  starts the lanes
//	lane.go        the loop of one lane
//	fetch.go       reads records from the queue
//	work.go        maps them into a batch and picks the next request
//	gate.go        decides whether a request can be sent now
//	attempt.go     stores the intent, sends the request
//	answer.go      acts on the answer
//	refused.go     finds the bad event of a refused request
//	suspect.go     finds the event of a request that Meta does not answer
//	settle.go      stores the decisions in the queue
//
// Beside that way: doubt.go (requests with an unknown outcome), held.go (a mapping that
// holds every event), forget.go (removing a person), forward.go and kept.go (a relay
// that forwards to a hub), unmapped.go, letters.go, dryrun.go, and status.go, report.go
// and metrics.go for what people see.
//
// # Guarantees
//
//   - A lane never waits for another. Lanes share one limiter per access token, and
//     an invalid token pauses all lanes that use it. Everything else (backoff,
//     throttling, pause, breaker) belongs to one lane.
//   - Before a request is sent, the lane's durable state records which conversions are
//     in it, the hash of each, and the mapping they were made with. A conversion with
//     an unknown outcome is sent again byte for byte, even by the next process, after
//     a forget, with another mapping or other settings (doubt.go).
//   - A conversion that Meta refuses is found by its index or by bisection, and becomes
//     a dead letter; the rest of its request is delivered once. Delivered records are
//     settled at once, whatever the rest waits for.
//   - One event that Meta does not answer blocks no other: its request is sent in
//     parts, and if it fails alone while others succeed it becomes a dead letter
//     (suspect.go, batch.Trials). If a connection is too slow for a request, the
//     requests become smaller (pace.Fit).
//   - The number of attempts never ends an event. Only its age, a refusal or a policy
//     does, and each of these is counted and kept.
//   - Waits use the monotonic clock; a wall clock that jumps expires nothing (package
//     clock).
//
// # Pitfalls
//
//   - After a crash the request in flight is repeated, at most one per lane. Meta
//     de-duplicates offline events by order id and event_time for at most 7 days
//     (docs/meta.md 5.3).
//   - If the mapping of a conversion in doubt is gone, the same bytes cannot be made
//     again. The event is then mapped with the current mapping, which is logged
//     (rebuild_mismatch) and counted.
//   - A lane stops while its state cannot be stored: without a stored intent it could
//     send a request twice.
//
// The lane's durable state (ledger.State) is JSON in queue.Settlement.State.
package drain
