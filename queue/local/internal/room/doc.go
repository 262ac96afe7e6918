// Package room decides what a queue lets go by age. It is pure: it asks no disk
// and no clock, so that every decision is a table in its tests.
package room
