// Package forward hands the log of one relay (a store's, the edge) to another (the
// head office's, the hub), over HTTP: POST /v1/forward.
//
//	edge: queue ──Read──► Client.Forward ──chunk──► hub: Hub.Forward ──Append──► queue
//	            ◄─Settle──               ◄──200───                   events + what they were
//
// # The format
//
// A body is one chunk: what one lane of the edge has waiting in a range of its log, as
// it lies there.
//
//	"relayfwd" · version u8, 1 · length of what follows, unpacked, u32 little-endian ·
//	zstd of:
//	  epoch 16 bytes · lane u8 (Lane) · from, to: sequence numbers, uvarint ·
//	  waiting, oldest (Unix ms), version of the edge: what it says of itself ·
//	  number of records, then of each: number behind from · time of receipt, Unix ms ·
//	  flags · messageId · body
//
// A body of the head alone, with length 0, asks whether a chunk would be taken.
//
// Numbers are uvarints, times zigzag; texts and bodies have their length before them.
// In [from, to) the lane has no other record than those of the chunk. The key says
// whose events they are: a chunk names no store.
//
// The answer is 200 with an Answer as JSON, whose proof is "relay-" and the first 8 bytes of
// the SHA-256 of the body, in hex: another 200 is no relay's, and nothing is handed over. Or relay's usual error: 415 to a version
// that the hub does not read, with those it does in "versions".
//
// # What it guarantees
//
//   - 200 means that all of the chunk is on the hub's disk.
//   - The hub keeps which ranges of (store, epoch, lane) it has. The range of a chunk is
//     appended with its events, in one step: either both survive or neither. What comes
//     again is recognised by its number, in whatever grouping, and for as long as the
//     hub's directory exists: the window of messageIds has no part in it.
//   - Hubs of several relays that share a log (queue.nats) share what they have: a mark and
//     the ids of its chunk lie in the log until a note has the mark, and each hub knows the
//     notes of two seconds ago before it takes a chunk. Of a chunk that two of them take at
//     once each record is read once.
//   - An epoch is one opening of the edge's log. Numbers are used again only after a
//     directory was put back from a copy, and what is appended then has another epoch.
//   - The ids of two stores never meet (queue.Entry.Store).
//
// # What can hurt you
//
// An edge that loses meta.db loses its epochs: what it had not settled then, and hands
// over again, is recognised by its messageIds alone, within the hub's dedup_window. A
// hub that loses meta.db recognises by them alone too what it took over before.
package forward
