// Package drain takes events from the queue to Meta: read, map, limit, send,
// settle. One lane, one goroutine, per event set. What is sent and what follows from an
// answer is decided in package batch, how fast in package pace; both are pure. Package
// ledger keeps what is decided until the queue has stored it, package release sends
// future-dated letters again.
//
//	queue ──Read──► map ──► group ──► limit ──► note ──► send ──► classify
//	  ▲                                                              │
//	  └──────── Settle: records, letters, counts, state ◄────────────┘
//
// What it guarantees:
//
//   - A lane never waits for another. Lanes share one limiter per access
//     token, and a dead token pauses all lanes of that token; all else (backoff,
//     throttle, pause, breaker) belongs to one lane.
//   - Before a request leaves, the lane's durable state says which conversions are in
//     it, the hash of each, and by which mapping they were made. A conversion whose
//     fate is unknown is sent again byte for byte, also by the next process, after a
//     forget, with another mapping and other settings (doubt.go).
//   - A conversion refused by Meta is found by name or by halving, and becomes
//     a dead letter; the rest of its request is delivered once. What was
//     delivered is settled at once, whatever the rest waits for.
//   - One event for which nothing answers as Meta does holds back no other: its
//     request is tried in parts, and alone it becomes a dead letter while others get
//     through (suspect.go, batch.Trials). A connection that does not carry a request
//     gets smaller ones (pace.Fit).
//   - No attempt is given up by count. What ends an event is its own age, a
//     refusal, or a policy, and each of these is counted and kept.
//   - Waits are monotonic; a wall clock that jumps expires nothing (package clock).
//
// What can hurt you:
//
//   - After a crash the request in flight repeats, at most one per lane. Meta
//     de-duplicates offline events by order id and event_time for 7 days at
//     most (docs/meta.md 5.3).
//   - When the mapping of a conversion in doubt is gone it cannot be made again; it
//     is then mapped afresh, which is logged (rebuild_mismatch) and counted.
//   - A lane stops when its state cannot be made durable: sending what cannot
//     be noted would send it twice.
//
// The lane's durable state (ledger.State) is JSON in queue.Settlement.State.
package drain
