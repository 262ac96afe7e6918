package local

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"relay/queue"
)

// idHash names a key: SHA-256 of the directory's secret, the key's space and the
// key, cut to 16 bytes, of which the lowest bit of the last says whether relay
// made the key. Without the secret it says nothing about the key.
type idHash [16]byte

// hashID gives the name of what e is de-duplicated by. b is room for it.
func hashID(b []byte, secret *[32]byte, e *Entry) idHash {
	b = append(b, secret[:]...)
	b = append(b, byte(e.Space))
	switch e.Space {
	case queue.ByKey:
		b = append(b, e.Key...)
	case queue.ByContent:
		b = binary.LittleEndian.AppendUint64(b, e.Print)
		b = append(b, e.ID...)
	default:
		b = append(b, e.ID...)
	}
	sum := sha256.Sum256(b)
	h := idHash(sum[:16])
	h[15] &^= 1
	if e.Space == queue.ByKey {
		h[15] |= 1
	}
	return h
}

// own says that relay made the key: it does not count against Options.DedupIDs.
func (h idHash) own() bool { return h[15]&1 != 0 }

// knownID is what is remembered of a record: the name of its key, and its
// Entry.Print.
type knownID struct {
	hash  idHash
	print uint64
}

// conflicts says that an event of this fingerprint is another than the one that is
// known.
func (k knownID) conflicts(print uint64) bool {
	return k.print != 0 && print != 0 && k.print != print
}

// idRow is the length of a knownID in chunks and files: hash · fingerprint u64,
// little-endian.
const idRow = 24

func (k knownID) append(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(b, k.hash[:]...), k.print)
}

// idAt reads the row that starts b.
func idAt(b []byte) knownID {
	return knownID{idHash(b[:16]), binary.LittleEndian.Uint64(b[16:idRow])}
}

// appendIDs reads the rows of b, whose length is a multiple of idRow.
func appendIDs(ids []knownID, b []byte) []knownID {
	for ; len(b) >= idRow; b = b[idRow:] {
		ids = append(ids, idAt(b))
	}
	return ids
}

// compareIDs orders rows by their hashes.
func compareIDs(a, b []byte) int { return bytes.Compare(a[:16], b[:16]) }
