package ids

import (
	"bytes"
	"encoding/binary"

	"relay/queue/internal/chunk"
	"relay/queue/internal/ident"
)

// Hash names a key.
type Hash = ident.Hash

// Known is what is remembered of a record: the name of its key, and its
// Entry.Print.
type Known struct {
	Hash  Hash
	Print uint64
}

// Row is the length of a Known in files, as in chunks.
const Row = chunk.IDLen

func (k Known) append(b []byte) []byte { return chunk.AppendID(b, k.Hash, k.Print) }

// rowAt reads the row that starts b.
func rowAt(b []byte) Known {
	return Known{Hash(b[:16]), binary.LittleEndian.Uint64(b[16:Row])}
}

// Append reads the rows of b, whose length is a multiple of Row.
func Append(ids []Known, b []byte) []Known {
	for ; len(b) >= Row; b = b[Row:] {
		ids = append(ids, rowAt(b))
	}
	return ids
}

// compare orders rows by their hashes.
func compare(a, b []byte) int { return bytes.Compare(a[:16], b[:16]) }
