package ids

import (
	"bytes"
	"encoding/binary"

	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// Hash is what an entry is de-duplicated by.
type Hash = ident.Hash

// Known is what is remembered of a record: its hash and its Entry.Fingerprint.
type Known struct {
	Hash        Hash
	Fingerprint uint64
}

// Row is the size in bytes of a Known in files and in chunks.
const Row = chunk.IDLen

func (k Known) append(b []byte) []byte { return chunk.AppendID(b, k.Hash, k.Fingerprint) }

// rowAt parses the row at the beginning of b.
func rowAt(b []byte) Known {
	return Known{Hash(b[:16]), binary.LittleEndian.Uint64(b[16:Row])}
}

// Append parses b, a sequence of rows, and appends them to ids.
func Append(ids []Known, b []byte) []Known {
	for ; len(b) >= Row; b = b[Row:] {
		ids = append(ids, rowAt(b))
	}
	return ids
}

// compare orders rows by hash.
func compare(a, b []byte) int { return bytes.Compare(a[:16], b[:16]) }
