// Package segment is one file of the log: a bbolt file of chunks.
//
//	relay   "segment": {"format":2,"sum":CRC32C of the format,"segment":n,"created":…,"secret":…}
//	        "summary": what it holds per lane, JSON and CRC32C; once sealed
//	log     sequence u64 · piece u16 (big-endian): piece of a chunk, at most 1,980 bytes
//
// The upper half of a sequence number is the segment's number, the lower half an index
// in it. A tail is written with Put and Sync, then sealed, and is only read from then on.
//
// # What it guarantees
//
// Chunks skips nothing: each chunk must begin where the previous one ended, or where a
// known gap ends; anything else is damage. A file that this process has not written is
// read completely before bbolt opens it (Check, Examine), because on a damaged page
// bbolt could skip chunks or loop forever. Write leaves a complete, synced, sealed file,
// or none.
//
// # What can hurt you
//
// Put is durable only after Sync. A failed commit can be in the file nevertheless, and
// its sequence numbers must not be used again there.
//
// The queue decides which segment is written, repaired, rewritten or unlinked.
package segment
