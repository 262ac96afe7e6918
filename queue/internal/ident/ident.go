// Package ident computes the hash by which an entry of the queue is de-duplicated.
package ident

import (
	"crypto/sha256"
	"encoding/binary"

	"relay/queue"
)

// Hash is the SHA-256 of the directory's secret, the key's space and the key, cut to 16 bytes. The
// lowest bit of the last byte is set if relay made the key; the next bit is then set if it is the
// key of a sale (queue.BySale). Without the secret, the hash reveals nothing about the key.
type Hash [16]byte

// HashOf returns the hash by which e is de-duplicated. b is scratch space.
func HashOf(b []byte, secret *[32]byte, e *queue.Entry) Hash {
	b = append(append(b, secret[:]...), byte(e.Space))
	if e.Store != "" && e.Space != queue.ByKey {
		// An id of a store is preceded by the store's name and its length.
		b[len(b)-1] |= ofStore
		b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Store)))
		b = append(b, e.Store...)
	}
	switch e.Space {
	case queue.ByKey:
		return hashKey(append(b, e.Key...), ownKey)
	case queue.BySale:
		return hashKey(append(b, e.ID...), saleKey)
	case queue.ByRefusedID:
		b = binary.LittleEndian.AppendUint64(b, e.Fingerprint)
	}
	return hashKey(append(b, e.ID...), clientKey)
}

// ofStore marks the space of a store: the store's name precedes the id.
const ofStore = 1 << 6

// byContent is the space of id and fingerprint together, for events whose id belongs to another
// event.
const byContent queue.Space = 255

// HashContent returns the hash of an event whose id belongs to another event. store may be empty.
func HashContent(secret *[32]byte, store, id string, fingerprint uint64) Hash {
	b := append(secret[:len(secret):len(secret)], byte(byContent))
	if store != "" {
		b[len(b)-1] &^= ofStore
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(store))), store...)
	}
	return hashKey(append(binary.LittleEndian.AppendUint64(b, fingerprint), id...), clientKey)
}

// The lowest bits of a Hash.
const (
	clientKey = 0 // only the lowest bit; the next one is arbitrary
	ownKey    = 1
	saleKey   = 3
)

func hashKey(b []byte, kind byte) Hash {
	sum := sha256.Sum256(b)
	h := Hash(sum[:16])
	if h[15] &^= 1; kind != clientKey {
		h[15] = h[15]&^3 | kind
	}
	return h
}

// Own reports whether relay made the key; such keys do not count against the limit on ids.
func (h Hash) Own() bool { return h[15]&1 != 0 }

// Sale reports whether the key is that of a sale, which is remembered longer.
func (h Hash) Sale() bool { return h[15]&3 == saleKey }

// Differ reports whether two fingerprints belong to different events; 0 matches any.
func Differ(a, b uint64) bool { return a != 0 && b != 0 && a != b }
