// Package drain takes events from the queue to Meta: read, map, limit, send,
// settle. One lane, one goroutine, per event set.
//
//	queue ──Read──► map ──► group ──► limit ──► note ──► send ──► classify
//	  ▲                                                              │
//	  └────── Settle: cursor, dead letters, counts, state ◄──────────┘
//
// What it guarantees:
//
//   - A lane never waits for another. Lanes share one limiter per access
//     token, and a dead token pauses all lanes of that token; all else (backoff,
//     throttle, pause, breaker) belongs to one lane.
//   - Before a request leaves, the lane's durable state says which records it
//     is made of, by which mapping and at what time it was built, and the hash
//     of its data. A request whose fate is unknown is sent again with the same
//     data, also by the next process; it is not mapped again before there is
//     an answer.
//   - A conversion refused by Meta is found by name or by halving, and becomes
//     a dead letter; the rest of its request is delivered once. Halves that
//     were delivered are remembered over a crash.
//   - No attempt is given up by count. What ends an event is its own age, a
//     refusal, or a policy, and each of these is counted and kept.
//   - Waits are monotonic; a wall clock that jumps expires nothing (clock.go).
//
// What can hurt you:
//
//   - After a crash the request in flight repeats, at most one per lane. Meta
//     de-duplicates offline events by order id and event_time for 7 days at
//     most (facts: meta-wire 5.3).
//   - When the mapping of a request in doubt is gone, or its records are, the
//     data cannot be rebuilt; it is then mapped afresh, which is logged
//     (rebuild_mismatch) and counted.
//   - A lane stops when its state cannot be made durable: sending what cannot
//     be noted would send it twice.
//
// The lane's durable state (state.go) is JSON in queue.Settlement.State:
//
//	{"v":1,"manual":…,"breaker":…,"failures":…,"next":…,"wait":…,
//	 "note":{"first":…,"last":…,"n":…,"mapping":…,"at":…,"done":bitmap,"lo":…,"hi":…,"hash":…,"doubt":…}}
package drain
