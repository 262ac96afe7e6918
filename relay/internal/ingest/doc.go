// Package ingest is relay's front door: Segment's HTTP tracking API on a local
// port or socket, answered only once the queue has the events on disk.
//
//	POST /v1/batch ──► Host, Origin, rate, size ──► body (gunzipped, pooled)
//	                                                   │ one scan: valid JSON, fields, byte ranges
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
//   - Event bytes are stored as they came, with three exceptions: what the
//     batch says for all (context, integrations, sentAt) is spliced into each
//     event; a writeKey is blanked out, because no secret may lie in the queue;
//     text that is not UTF-8 is made so (see Text).
//   - Small requests pass heavy ones: fewer of those are unpacked and scanned at
//     once than there are processors.
//   - Memory is bounded: by connection count, by header size, by the bytes of
//     requests in flight (Options.MaxInFlightBytes), whatever a client sends.
//
// # Strictness
//
// The scanner accepts exactly what RFC 8259 calls JSON, with no limit on
// nesting while it scans: an event nested deeper than MaxDepth is unusable by
// itself and does not refuse its batch. Beyond that it is lenient where a real
// client would lose a sale otherwise:
//
//   - Duplicate names: the last one counts, here and in every later stage.
//   - Names are case-sensitive. Numbers of any size are kept as their text.
//   - A byte order mark before the body is skipped.
//   - gzip is recognised by its magic number, whatever the headers claim; an
//     encoding other than gzip is 415.
//
// # Text
//
// A body that is not valid UTF-8 is read as Windows-1252 if it holds no
// multi-byte UTF-8 at all (a till that was never told), else each stray byte
// becomes U+FFFD. Half a surrogate pair in a \u escape becomes \ufffd. So what
// lies in the queue is always valid JSON in valid UTF-8.
//
// # What can hurt you
//
// Bodies of a request share pooled buffers: the queue must not keep
// Entry.Body after Append returns. A queue that is slow makes requests wait
// up to Options.AppendTimeout, then they are told 503 although the event may
// yet reach the disk; the client's retry is then a duplicate and is stored once.
package ingest
