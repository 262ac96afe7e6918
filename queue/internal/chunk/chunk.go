// Package chunk encodes what one group commit of the queue stores, or about 1 MiB of it: immutable
// bytes. It does not depend on files or on a queue.
//
// # The format
//
// Little-endian, without padding:
//
//	header   'r' · version 1 · codec (0 none, 1 zstd) · flags (1: sealed) ·
//	         length of the header u32 · first sequence u64 ·
//	         records u32 · span u32 · length of ids u32 ·
//	         length of the payload u32, of the stored payload u32 · key id u32 ·
//	         earliest, latest time of receipt, Unix ms, i64 each · nonce 12 bytes ·
//	         lanes u32 · 8 bytes reserved, zero ·
//	         per lane: name (length u16), records u32, index of the last u32,
//	                   bytes of bodies u64, earliest time of receipt i64 ·
//	         CRC-32C of ids, of the stored payload, of the header before it
//	ids      per record: hash 16 bytes · fingerprint u64, as the caller made them
//	payload  lane sets: how many, then per set how many and which lanes of the header;
//	         per record: set · gap · flags · time (zigzag) · id · body
//
// Numbers in the payload are varints; id and body are preceded by their length. Span is the number
// of sequence numbers the chunk covers. It exceeds the number of records once some were removed; a
// record's gap is the number of removed records before it.
//
// With a key, the stored payload is AES-256-GCM under a key derived for the segment (the upper half
// of the first sequence number), and bound to the header up to its checksums: it cannot be opened
// anywhere else.
//
// # What can hurt you
//
// The header can be read and trusted without the rest: it has its own checksum. What it claims about
// the payload is trusted only as far as the bytes present can hold. ErrDamaged means the bytes are
// not what was written, seal.ErrKey that the key is missing, format.ErrNewer that a newer program
// wrote them. No input makes this package panic.
//
// The parts that Split returns alias its input. Records do not.
package chunk

import "relay/internal/seal"

const (
	version    = 1
	fixed      = 80        // header up to the lane table
	tail       = 12        // three checksums
	laneFixed  = 26        // a lane in the lane table, without its name
	maxHeader  = 1 << 20   // a header that claims more is damaged
	maxPayload = 256 << 20 // a payload that claims more is damaged

	// IDLen is the length of one row of ids.
	IDLen = 24

	flagSealed = 1 << 0 // payload is AES-256-GCM
)

// ErrDamaged means that the bytes are not what was written.
var ErrDamaged = seal.ErrDamaged
