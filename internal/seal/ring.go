package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

var (
	// ErrKey means that something is sealed with a key that is not available, or that a key is
	// invalid.
	ErrKey = errors.New("encryption key does not fit")
	// ErrDamaged means that the bytes are not what was written.
	ErrDamaged = errors.New("damaged")
)

const (
	keyLen   = 32
	nonceLen = 12
)

// Keys is an immutable set of keys: at most one that seals, and others that only open.
type Keys struct {
	current uint32
	keys    map[uint32][]byte
}

// NewKeys makes a set. Without key nothing is sealed. Returns ErrKey unless every key has 32 bytes.
func NewKeys(key []byte, old ...[]byte) (*Keys, error) {
	k := &Keys{keys: make(map[uint32][]byte)}
	if len(key) > 0 {
		id, err := k.add(key)
		if err != nil {
			return nil, err
		}
		k.current = id
	}
	for _, o := range old {
		if _, err := k.add(o); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (k *Keys) add(key []byte) (uint32, error) {
	if len(key) != keyLen {
		return 0, fmt.Errorf("key of %d bytes, want %d: %w", len(key), keyLen, ErrKey)
	}
	id := KeyID(key)
	k.keys[id] = append([]byte(nil), key...)
	return id, nil
}

// Current is the id of the key that seals; 0: none.
func (k *Keys) Current() uint32 { return k.current }

// Opens returns nil if the set contains the key with this id, otherwise ErrKey. Id 0 stands for
// data that is not sealed.
func (k *Keys) Opens(id uint32) error {
	if _, ok := k.keys[id]; !ok && id != 0 {
		return fmt.Errorf("sealed with key %08x, which is not available: %w", id, ErrKey)
	}
	return nil
}

// KeyID identifies a key and is never 0. It is stored in plain text and reveals nothing about the
// key.
func KeyID(key []byte) uint32 {
	sum := sha256.Sum256(append([]byte("relay queue key id\x00"), key...))
	return max(1, binary.BigEndian.Uint32(sum[:]))
}

// Ring seals and opens stored data with AES-256-GCM. Each purpose and number (of a segment, of a
// file) has its own key, derived with HKDF, so that random nonces do not repeat under one key and a
// value opens only where it was sealed for. Methods are safe for concurrent use.
type Ring struct {
	keys atomic.Pointer[Keys]

	mu    sync.Mutex
	aeads map[derived]cipher.AEAD
}

// derived identifies a derived key.
type derived struct {
	id      uint32
	purpose string
	n       uint64
}

// NewRing returns a ring that uses keys.
func NewRing(keys *Keys) *Ring {
	r := &Ring{aeads: make(map[derived]cipher.AEAD)}
	r.keys.Store(keys)
	return r
}

// Keys returns the keys in use.
func (r *Ring) Keys() *Keys { return r.keys.Load() }

// Use replaces the keys.
func (r *Ring) Use(keys *Keys) {
	r.keys.Store(keys)
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.aeads)
}

// AEAD returns the cipher for a purpose and number under the key id, for callers that store key id
// and nonce themselves. Returns ErrKey if the key is not available.
func (r *Ring) AEAD(id uint32, purpose string, n uint64) (cipher.AEAD, error) {
	return r.aead(r.keys.Load(), id, purpose, n)
}

func (r *Ring) aead(keys *Keys, id uint32, purpose string, n uint64) (cipher.AEAD, error) {
	master, ok := keys.keys[id]
	if !ok {
		return nil, fmt.Errorf("sealed with key %08x, which is not available: %w", id, ErrKey)
	}
	name := derived{id, purpose, n}
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.aeads[name]; a != nil {
		return a, nil
	}
	sub, err := hkdf.Key(sha256.New, master, nil, fmt.Sprintf("relay queue %s %016x", purpose, n), keyLen)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	if len(r.aeads) > 256 {
		clear(r.aeads)
	}
	r.aeads[name] = a
	return a, nil
}

// Seal appends a sealed value to dst:
//
//	key id u32, little-endian · nonce 12 bytes · sealed bytes and tag
//	0 u32 · the bytes as they are, without a key
//
// bound identifies where the value belongs: it opens only with the same bound.
func (r *Ring) Seal(dst []byte, purpose string, n uint64, bound, plain []byte) ([]byte, error) {
	keys := r.keys.Load()
	dst = binary.LittleEndian.AppendUint32(dst, keys.current)
	if keys.current == 0 {
		return append(dst, plain...), nil
	}
	a, err := r.aead(keys, keys.current, purpose, n)
	if err != nil {
		return nil, err
	}
	var nonce [nonceLen]byte
	rand.Read(nonce[:])
	return a.Seal(append(dst, nonce[:]...), nonce[:], plain, bound), nil
}

// Open returns what was passed to Seal. If the value is not sealed, the result aliases b. The error
// is ErrKey or ErrDamaged.
func (r *Ring) Open(purpose string, n uint64, bound, b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: sealed value is truncated", ErrDamaged)
	}
	id, b := binary.LittleEndian.Uint32(b), b[4:]
	if id == 0 {
		return b, nil
	}
	a, err := r.AEAD(id, purpose, n)
	if err != nil {
		return nil, err
	}
	if len(b) < nonceLen+a.Overhead() {
		return nil, fmt.Errorf("%w: sealed value is truncated", ErrDamaged)
	}
	plain, err := a.Open(nil, b[:nonceLen], b[nonceLen:], bound)
	if err != nil {
		return nil, fmt.Errorf("%w: sealed value does not open", ErrDamaged)
	}
	return plain, nil
}
