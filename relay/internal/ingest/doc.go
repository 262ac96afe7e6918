// Package ingest is relay's front door: Segment's HTTP tracking API on a local
// port or socket, answered only once the queue has the events on disk.
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
//   - A request is one Append: after any answer but 200 nothing of it is in the
//     queue, except after a 503 that followed a sync of unknown outcome, which
//     the queue voids or de-duplicates when the client retries.
//   - One unusable message never refuses the batch it came in, nor is it lost:
//     it is stored in queue.LaneRefused by the same Append and named in the answer.
//   - What is stored of a message, and whether it is usable, is package track's
//     word.
//   - Small requests pass heavy ones: fewer of those are unpacked and scanned at
//     once than there are processors.
//   - Memory is bounded: by connection count, by header size, by the bytes of
//     requests in flight (Options.MaxInFlightBytes), whatever a client sends.
//
// # What can hurt you
//
// Bodies of a request share pooled buffers: the queue must not keep
// Entry.Body after Append returns. A queue that is slow makes requests wait
// up to Options.AppendTimeout, then they are told 503 although the event may
// yet reach the disk; the client's retry is then a duplicate and is stored once.
package ingest
