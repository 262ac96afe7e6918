// Package replicas is the relays that share one queue: what each tells the others of
// itself, and what one has another do.
//
//	every relay ── beat, every 2 s ──► all others: who delivers, its lanes, what it took
//	any relay ── order ──► the relay that delivers ── answer ──► it
//	every relay ── outcomes ──► those where somebody watches
//
// What it guarantees: an order is done once, by the relay that has the lease, or it ends
// in an error that says whether it may have been done. Nothing of it is stored.
//
// Hazards: beats and outcomes may get lost, so that what is shown of another relay may be
// some seconds old; Lanes says so when it is too old to be shown.
package replicas
