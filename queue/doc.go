// Package queue is the contract between those who store events and those who
// deliver them: the words of it, and the errors a caller decides by. It contains
// no engine, but what is done over any of them (Reroute, Move, Redrive). Package local is the
// engine on one machine's disk; package queuetest is the contract as tests.
//
//	intake, files, imports ──Append──► the log ──Read──► a lane per event set
//	                                           ◄─Settle──
//
// A record is appended once, durably, for the lanes that its entry names. Each
// lane reads its records in the order in which they were stored and settles them
// in any, one conversion of a record at a time if need be; a record that every lane
// has settled is given back to the disk.
//
// # What an engine guarantees
//
//   - Append returns nil only once its records survive a crash and a power cut. It
//     stores all of its entries or none; an id is stored once within a window.
//   - Read returns the same records again after a crash until they are settled.
//   - Settle makes dead letters durable before the records they replace are
//     settled: a crash repeats work and never loses it.
//   - What is lost nevertheless, to a damaged disk or to a policy, is counted.
//
// # What can hurt you
//
// Entry.Body belongs to the caller again once Append returns without an error. An
// append that ended in ErrStalled may still happen: the retry with the same ids
// is right.
package queue
