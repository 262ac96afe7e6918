// Package ingest serves Segment's HTTP tracking API on a local port or socket. It answers
// only after the queue has stored the events on disk.
//
//	POST /v1/batch ──► Host, Origin, rate, size ──► body (gunzipped, pooled)
//	                                                   │ track: one scan, messages ready to store
//	                                                   ▼
//	  {"success":true} ◄── Append (one call, all or nothing) ◄── entries
//	                                                              ├ track, mapped    -> its event sets' lanes
//	                                                              ├ track, unmapped  -> queue.LaneUnmapped
//	                                                              └ unusable in a batch -> queue.LaneRefused
//
// # What it guarantees
//
//   - 200 is sent after Append has returned without an error, never before.
//   - A request is one Append: after any other answer nothing of it is in the queue, except
//     after a 503 that followed a sync of unknown outcome, which the queue voids or
//     de-duplicates when the client retries.
//   - An unusable message never causes its batch to be refused, and is not lost: the same
//     Append stores it in queue.LaneRefused, and the answer lists it.
//   - Package track decides whether a message is usable and which bytes are stored.
//   - Small requests overtake heavy ones: fewer heavy requests are unpacked and scanned at
//     once than there are processors.
//   - Memory is bounded whatever clients send: by the number of connections, the header size
//     and the bytes of requests in flight (Options.MaxInFlightBytes).
//
// # What can hurt you
//
// The bodies of a request share pooled buffers: the queue must not keep Entry.Body after
// Append returns. A slow queue makes requests wait up to Options.AppendTimeout; they are then
// answered 503 although the event can still reach the disk. The client's retry is then a
// duplicate and is stored once.
package ingest
