// Package replicas connects the relays that share one queue: each broadcasts its state, and
// one can order another to carry out a command.
//
//	every relay ── beat, every 2 s ──► all others: who delivers, its lanes, what it took
//	any relay ── order ──► the relay that delivers ── answer ──► it
//	every relay ── outcomes ──► relays with a watcher
//
// Guarantee: an order is carried out once, by the relay that has the lease, or it returns an
// error that says whether it might have been carried out. Nothing is stored.
//
// Pitfall: beats and outcomes can get lost, so the state shown of another relay can be some
// seconds old. Delivering and Relays ignore a state that is too old.
package replicas
