// Package forward transfers the log of one relay (a store's, the edge) to another (the
// head office's, the hub) over HTTP: POST /v1/forward.
//
//	edge: queue ──Read──► Client.Forward ──chunk──► hub: Hub.Forward ──Append──► queue
//	            ◄─Settle──               ◄──200───                   events + what they were
//
// # The format
//
// A body is one chunk: the pending records of one lane of the edge in a range of its log,
// with the bytes in which they are stored.
//
//	"relayfwd" · version u8, 1 · uncompressed length of the rest, u32 little-endian ·
//	zstd of:
//	  epoch 16 bytes · lane u8 (Lane) · from, to: sequence numbers, uvarint ·
//	  pending records, oldest (Unix ms), version: the State of the edge ·
//	  number of records, then for each: number minus from · time of receipt, Unix ms ·
//	  flags · messageId · body
//
// A body that is only the head, with length 0, is a probe: would the hub accept a chunk?
//
// Numbers are uvarints, times zigzag varints; texts and bodies are preceded by their
// length. The lane has no records in [from, to) except those of the chunk. The key
// determines the store; a chunk does not contain it.
//
// The answer is 200 with an Answer as JSON. Its proof is "relay-" and the first 8 bytes of
// the SHA-256 of the body, in hex. A 200 without it did not come from a relay and counts as
// a failure. Any other answer is one of relay's usual errors; 415 means that the hub does
// not read this version, and lists those it reads in "versions".
//
// To follow one chunk, read client.go (the edge sends it), wire.go (the format), receive.go
// (the hub stores it), entry.go (one record of it), marks.go and ranges.go (which ranges the hub
// has). Beside that: calls.go and hubcall.go (the edge's calls), forgets.go (removing a person
// at stores), stores.go (what the hub shows of stores), replay.go.
//
// # Guarantees
//
//   - 200 means that the whole chunk is on the hub's disk.
//   - The hub stores which ranges of (store, epoch, lane) it has. The range of a chunk is
//     appended in one step with its events: either both survive or neither. A repeated
//     record is recognized by its number, however it is grouped, for as long as the hub's
//     directory exists. The window of messageIds plays no part in that.
//   - Hubs of several relays with one log (queue.nats) share their ranges. A mark (the range
//     of a chunk) and the ids of the chunk stay in the log until a note has the range, and a
//     hub reads all marks and the notes up to two seconds ago before it accepts a chunk. If
//     two hubs accept the same chunk at once, each record is read once.
//   - An epoch is one opening of the edge's log. Numbers are reused only after the directory
//     was restored from a copy, and later records then have another epoch.
//   - Ids of different stores do not collide (queue.Entry.Store).
//
// # Pitfalls
//
// An edge that loses meta.db loses its epochs: records that it had not settled and sends
// again are recognized only by messageId, within the hub's dedup_window. The same is true for
// earlier records at a hub that loses meta.db.
package forward
