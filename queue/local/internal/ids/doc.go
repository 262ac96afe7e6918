// Package ids remembers which ids were stored, and the fingerprints of their
// events, for a window of time and up to a number.
//
// The ids of a tail are in memory until it is sealed; then they lie in a file that
// is searched in place, and outlives the segment:
//
//	"relayids" · version u32 · checksum of the header u32 · first segment u64 ·
//	last segment u64 · count u64 · count of those whose key relay made u64 ·
//	oldest and newest id, each: run time, ns, i64 · believed time, Unix ms, i64, 0: none was ·
//	blocks of 170 rows, sorted by their hashes (hash.go), each with its checksum u32
//
// named after the last segment. Neighbours that are small are merged. The ids of sales
// (queue.BySale) lie in files of their own, with a window and a bound of their own.
//
// # What it guarantees
//
// An id is remembered for Options.Window at least, unless Options.Keep newer ones
// are. Its age counts between two believed times, otherwise by the time for which
// the queue was open (package room): no clock that is wrong has any forgotten. What
// is forgotten is a whole file, so that it may be later:
//
//   - a tail is sealed, and its ids get a file, once the first of them is a quarter
//     of the window old (Overdue); no file spans more by being merged;
//   - by number, what is too much is at most the ids of one file.
//
// A damaged row is at most one id that is forgotten, or one that is known without
// its fingerprint: all others of its block are found.
//
// # What can hurt you
//
// A file that cannot be read says no: a duplicate is the lesser harm. One that is
// has no header is quarantined as the Store opens; Recall says for which segments the
// ids are to be read again.
package ids
