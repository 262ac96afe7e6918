// Package ids remembers which ids were stored, and the fingerprints of their events, for
// a window of time and up to a maximum number.
//
// The ids of a tail are in memory until it is sealed. Then they are written to a file
// that is searched in place and outlives the segment:
//
//	"relayids" · version u32 · checksum of the header u32 · first segment u64 ·
//	last segment u64 · count u64 · count of those whose key relay made u64 ·
//	oldest and newest id, each: run time, ns, i64 · trusted time, Unix ms, i64, 0: none ·
//	blocks of 170 rows, sorted by hash (hash.go), each with its checksum u32
//
// The file is named after its last segment. Small neighbouring files are merged. The ids
// of sales (queue.BySale) have files, a window and a maximum of their own.
//
// # What it guarantees
//
// An id is remembered for at least Options.Window, unless Options.Keep newer ids are
// remembered. Ages are measured by package age: a wrong clock never makes relay forget
// an id. Ids are forgotten by the file, so it can take longer:
//
//   - a tail is sealed, and its ids are written to a file, once the oldest of them is a
//     quarter of the window old (Overdue); a merged file does not span more either;
//   - the number of remembered ids exceeds the maximum by at most the ids of one file.
//
// A damaged row makes relay forget at most one id, or lose the fingerprint of one. All
// other ids of its block are still found.
//
// # What can hurt you
//
// An id in a file that cannot be read counts as unknown: a duplicate is the lesser evil.
// A file with a damaged header is quarantined at Open; Reread returns the segments whose
// ids must be read from their chunks instead.
package ids
