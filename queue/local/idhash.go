package local

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"relay/queue"
	"relay/queue/local/internal/chunk"
)

// idHash names a key: SHA-256 of the directory's secret, the key's space and the
// key, cut to 16 bytes, of which the lowest bit of the last says whether relay
// made the key. Without the secret it says nothing about the key.
type idHash [16]byte

// hashID gives the name of what e is de-duplicated by. b is room for it.
func hashID(b []byte, secret *[32]byte, e *Entry) idHash {
	b = append(append(b, secret[:]...), byte(e.Space))
	switch e.Space {
	case queue.ByKey:
		return hashKey(append(b, e.Key...), 1)
	case queue.ByRefusedID:
		b = binary.LittleEndian.AppendUint64(b, e.Print)
	}
	return hashKey(append(b, e.ID...), 0)
}

// byContent is the space of ids and fingerprints together: of events whose id is
// another event's.
const byContent queue.Space = 255

// hashContent gives the name of an event whose id is another event's.
func hashContent(secret *[32]byte, id string, print uint64) idHash {
	b := append(secret[:len(secret):len(secret)], byte(byContent))
	return hashKey(append(binary.LittleEndian.AppendUint64(b, print), id...), 0)
}

func hashKey(b []byte, own byte) idHash {
	sum := sha256.Sum256(b)
	h := idHash(sum[:16])
	h[15] = h[15]&^1 | own
	return h
}

// own says that relay made the key: it does not count against Options.DedupIDs.
func (h idHash) own() bool { return h[15]&1 != 0 }

// PrintSecret is a secret to make the fingerprints of entries with (Entry.Print).
// It is derived from that of the id hashes, so that it is lost only when no id is
// known any more.
func (q *Queue) PrintSecret() []byte {
	mac := hmac.New(sha256.New, q.secret[:])
	mac.Write([]byte("fingerprints"))
	return mac.Sum(nil)
}

// knownID is what is remembered of a record: the name of its key, and its
// Entry.Print.
type knownID struct {
	hash  idHash
	print uint64
}

// differ says that two fingerprints are of two events.
func differ(a, b uint64) bool { return a != 0 && b != 0 && a != b }

// idRow is the length of a knownID in files, as in chunks.
const idRow = chunk.IDLen

func (k knownID) append(b []byte) []byte { return chunk.AppendID(b, k.hash, k.print) }

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
