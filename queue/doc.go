// Package queue is the contract between the code that stores events and the code that delivers
// them: records, lanes, settlements, and the errors a caller decides by. It contains no engine,
// only operations that work on every engine (Reroute, Move, Redrive). Package local is the engine
// on one machine's disk, package jetstream the engine on NATS servers, and package queuetest tests
// the contract.
//
//	intake, files, imports ──Append──► the log ──Read──► a lane per event set
//	                                           ◄─Settle──
//
// A record is appended once, durably, for the lanes named in its entry. Each lane reads its records
// in the order in which they were stored. It may settle them in any order, and the conversions of
// one record one at a time. Once every lane has settled a record, the engine frees its disk space.
//
// # What an engine guarantees
//
//   - Append returns nil only once its records survive a crash and a power cut. It stores all of
//     its entries or none. Within a window an id is stored once.
//   - After a crash, Read returns the same records again until they are settled.
//   - Settle makes dead letters durable before it settles the records they replace: a crash
//     repeats work and never loses it.
//   - Records lost to a damaged disk or to a policy are counted.
//
// # What can hurt you
//
// Entry.Body belongs to the caller again once Append returns without an error. After ErrStalled the
// records may still be stored: retry with the same ids.
package queue
