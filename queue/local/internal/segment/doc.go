// Package segment is one file of the log: a bbolt file of chunks.
//
//	relay   "segment": {"format":2,"sum":CRC32C of the format,"segment":n,"created":…,"secret":…}
//	        "summary": what it holds per lane, JSON and CRC32C; once sealed
//	log     sequence u64 · piece u16 (big-endian): piece of a chunk, at most 1,980 bytes
//
// A sequence number is that of the segment in its upper half and an index in the
// lower. A tail is written by Put and Sync, then sealed, and only read from then on.
//
// # What it guarantees
//
// Chunks passes over nothing: each chunk begins where the one before ended, or where
// a gap ends that is known; whatever bbolt finds instead is damage. A file that this
// process has not written is read whole before bbolt opens it (Check, Examine): a
// damaged page could make bbolt pass over chunks, or never return. Write leaves a
// sealed file that is whole and synced, or none.
//
// # What can hurt you
//
// Put is durable only after Sync. A commit that failed may lie in the file all the
// same, and its numbers must not be used again there.
//
// Which segment is written, repaired, rewritten or unlinked the queue decides.
package segment
