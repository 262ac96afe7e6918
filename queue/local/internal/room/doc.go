// Package room decides when a queue is full, what is done for room, and what is
// too old. It is pure: it asks no disk and no clock, so that every decision is a
// table in its tests.
package room
