package local

import (
	"crypto/sha256"

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
	if e.Space == queue.ByKey {
		b = append(b, e.Key...)
	} else {
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
