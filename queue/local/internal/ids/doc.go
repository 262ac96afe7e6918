// Package ids remembers which ids were stored, and the fingerprints of their
// events, for a window of time and up to a number.
//
// The ids of a tail are in memory until it is sealed; then they lie in a file that
// is searched in place, and outlives the segment:
//
//	"relayids" · version u32 · checksum of the header u32 · first segment u64 ·
//	last segment u64 · newest id, Unix ms, i64 · count u64 · oldest id, Unix ms,
//	i64 · count of those whose key relay made u64 · rows, sorted by their hashes (hash.go)
//
// named after the last segment. Neighbours that are small are merged.
//
// # What it guarantees
//
// An id is remembered for Options.Window at least, unless Options.Keep newer ones
// are. What is forgotten is a whole file, so that it may be later:
//
//   - a tail is sealed, and its ids get a file, once the first of them is a quarter
//     of the window old (Overdue); no file spans more by being merged;
//   - a file that seems older than the window stays for another grace: a clock that
//     was wrong, and is put right by then, has no id forgotten;
//   - by number, what is too much is at most the ids of one file.
//
// # What can hurt you
//
// A file that cannot be read says no: a duplicate is the lesser harm. One that is
// damaged is set aside as the Store opens; Recall says for which segments the ids
// are to be read again. Rows have no checksum of their own.
package ids
