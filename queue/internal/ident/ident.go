// Package ident names what an entry of the queue is de-duplicated by.
package ident

import (
	"crypto/sha256"
	"encoding/binary"

	"relay/queue"
)

// Hash names a key: SHA-256 of the directory's secret, the key's space and the
// key, cut to 16 bytes, of which the lowest bit of the last says whether relay
// made the key, and then the next one whether it is that of a sale (queue.BySale).
// Without the secret it says nothing about the key.
type Hash [16]byte

// HashOf gives the name of what e is de-duplicated by. b is room for it.
func HashOf(b []byte, secret *[32]byte, e *queue.Entry) Hash {
	b = append(append(b, secret[:]...), byte(e.Space))
	if e.Store != "" && e.Space != queue.ByKey {
		// The space of a store: its name, with its length, stands before the id.
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

// ofStore marks a space that is a store's: its name stands before the id.
const ofStore = 1 << 6

// byContent is the space of ids and fingerprints together: of events whose id is
// another event's.
const byContent queue.Space = 255

// HashContent gives the name of an event of a store, if it is one's, whose id is
// another event's.
func HashContent(secret *[32]byte, store, id string, print uint64) Hash {
	b := append(secret[:len(secret):len(secret)], byte(byContent))
	if store != "" {
		b[len(b)-1] &^= ofStore
		b = append(binary.LittleEndian.AppendUint16(b, uint16(len(store))), store...)
	}
	return hashKey(append(binary.LittleEndian.AppendUint64(b, print), id...), clientKey)
}

// What the lowest bits of a Hash say.
const (
	clientKey = 0 // one bit; the other may be any
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

// Own says that relay made the key: it does not count against a bound on the number of ids.
func (h Hash) Own() bool { return h[15]&1 != 0 }

// Sale says that the key is that of a sale, which is remembered for longer.
func (h Hash) Sale() bool { return h[15]&3 == saleKey }

// Differ says that two fingerprints are of two events.
func Differ(a, b uint64) bool { return a != 0 && b != 0 && a != b }
