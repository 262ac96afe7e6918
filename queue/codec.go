package queue

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// Codecs of a payload.
const (
	codecNone = 0
	codecZstd = 1
)

// zstdPool holds the compressor and decompressor of one queue. Neither starts
// goroutines; the window is bounded by the largest chunk that is common.
type zstdPool struct {
	enc sync.Pool
	dec sync.Pool
}

func newZstdPool() *zstdPool {
	return &zstdPool{
		enc: sync.Pool{New: func() any {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
				zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
			if err != nil {
				panic(err) // only wrong options do this
			}
			return e
		}},
		dec: sync.Pool{New: func() any {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPayload))
			if err != nil {
				panic(err)
			}
			return d
		}},
	}
}

// compress appends raw to dst, compressed when that pays.
func (z *zstdPool) compress(dst, raw []byte) ([]byte, byte) {
	at := len(dst)
	e := z.enc.Get().(*zstd.Encoder)
	dst = e.EncodeAll(raw, dst)
	z.enc.Put(e)
	if len(dst)-at >= len(raw) {
		return append(dst[:at], raw...), codecNone
	}
	return dst, codecZstd
}

func (z *zstdPool) decompress(codec byte, b []byte, rawLen int) ([]byte, error) {
	switch codec {
	case codecNone:
		if len(b) != rawLen {
			return nil, damaged("payload length")
		}
		return b, nil
	case codecZstd:
		var hd zstd.Header
		if err := hd.Decode(b); err != nil {
			return nil, damaged("payload: %v", err)
		}
		if hd.HasFCS && hd.FrameContentSize != uint64(rawLen) {
			return nil, damaged("payload length")
		}
		d := z.dec.Get().(*zstd.Decoder)
		defer z.dec.Put(d)
		// A lying rawLen costs no more than the data it came with can hold.
		raw, err := d.DecodeAll(b, make([]byte, 0, min(rawLen, 1<<20+len(b)*64)))
		if err != nil {
			return nil, damaged("payload: %v", err)
		}
		if len(raw) != rawLen {
			return nil, damaged("payload length")
		}
		return raw, nil
	}
	return nil, fmt.Errorf("codec %d: %w", codec, ErrNewerFormat)
}

// vault seals and opens what lies on disk. One without a key seals nothing. A
// key is known by its id, which lies beside what it sealed; each purpose and
// segment has its own key, derived from it.
type vault struct {
	ring atomic.Pointer[keyring]

	mu    sync.Mutex
	aeads map[aeadKey]cipher.AEAD
}

// keyring is the keys in force.
type keyring struct {
	cur  uint32 // seals; 0: plain
	keys map[uint32][]byte
}

type aeadKey struct {
	id      uint32
	purpose string
	segment uint64
}

func newVault(key []byte, old [][]byte) (*vault, error) {
	r, err := newKeyring(key, old)
	if err != nil {
		return nil, err
	}
	v := &vault{aeads: make(map[aeadKey]cipher.AEAD)}
	v.ring.Store(r)
	return v, nil
}

func newKeyring(key []byte, old [][]byte) (*keyring, error) {
	r := &keyring{keys: make(map[uint32][]byte)}
	for i, k := range append([][]byte{key}, old...) {
		if i == 0 && len(k) == 0 {
			continue
		}
		if len(k) != 32 {
			return nil, fmt.Errorf("key of %d bytes, want 32: %w", len(k), ErrKey)
		}
		id := keyID(k)
		r.keys[id] = append([]byte(nil), k...)
		if i == 0 {
			r.cur = id
		}
	}
	return r, nil
}

// opens says whether the ring opens what the key id sealed; 0 is no key.
func (r *keyring) opens(id uint32) error {
	if _, ok := r.keys[id]; !ok && id != 0 {
		return fmt.Errorf("queue is sealed with key %08x, which is not given: %w", id, ErrKey)
	}
	return nil
}

// current is the id of the key that seals; 0: none.
func (v *vault) current() uint32 { return v.ring.Load().cur }

// keyID is the name of a key: it lies in plain sight and gives nothing away.
func keyID(key []byte) uint32 {
	sum := sha256.Sum256(append([]byte("relay queue key id\x00"), key...))
	return max(1, binary.BigEndian.Uint32(sum[:]))
}

func (v *vault) aead(id uint32, purpose string, segment uint64) (cipher.AEAD, error) {
	k := aeadKey{id, purpose, segment}
	v.mu.Lock()
	defer v.mu.Unlock()
	if a := v.aeads[k]; a != nil {
		return a, nil
	}
	master, ok := v.ring.Load().keys[id]
	if !ok {
		return nil, fmt.Errorf("sealed with key %08x, which is not given: %w", id, ErrKey)
	}
	sub, err := hkdf.Key(sha256.New, master, nil, fmt.Sprintf("relay queue %s %016x", purpose, segment), 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	blk, err := aes.NewCipher(sub)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	a, err := cipher.NewGCM(blk)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	if len(v.aeads) > 256 {
		clear(v.aeads)
	}
	v.aeads[k] = a
	return a, nil
}

// seal wraps a small value: key id, then nonce and sealed bytes when there is
// a key, else the bytes themselves. bound is where it belongs.
func (v *vault) seal(purpose string, segment uint64, bound, plain []byte) ([]byte, error) {
	cur := v.current()
	b := binary.LittleEndian.AppendUint32(nil, cur)
	if cur == 0 {
		return append(b, plain...), nil
	}
	a, err := v.aead(cur, purpose, segment)
	if err != nil {
		return nil, err
	}
	b = append(b, make([]byte, 12)...)
	rand.Read(b[4:16])
	return a.Seal(b, b[4:16], plain, bound), nil
}

func (v *vault) open(purpose string, segment uint64, bound, b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, damaged("sealed value is cut short")
	}
	id := binary.LittleEndian.Uint32(b)
	if id == 0 {
		return b[4:], nil
	}
	a, err := v.aead(id, purpose, segment)
	if err != nil {
		return nil, err
	}
	if len(b) < 16+16 {
		return nil, damaged("sealed value is cut short")
	}
	plain, err := a.Open(nil, b[4:16], b[16:], bound)
	if err != nil {
		return nil, damaged("sealed value does not open")
	}
	return plain, nil
}

// packChunk compresses and seals raw as the payload of h, fills in what h says
// about it, and appends header, ids and payload to dst. scratch is reused.
func packChunk(dst []byte, z *zstdPool, v *vault, scratch *[]byte, h *chunkHeader, ids, raw []byte) ([]byte, error) {
	pay, codec := z.compress((*scratch)[:0], raw)
	*scratch = pay
	h.codec, h.flags, h.keyID = codec, 0, v.current()
	h.idsLen, h.rawLen, h.payLen = uint32(len(ids)), uint32(len(raw)), uint32(len(pay))
	if h.keyID != 0 {
		a, err := v.aead(h.keyID, "chunk", uint64(h.first)>>32)
		if err != nil {
			return nil, err
		}
		h.flags |= flagSealed
		h.payLen += uint32(a.Overhead())
		rand.Read(h.nonce[:])
		pay = a.Seal(nil, h.nonce[:], pay, h.appendBound(nil))
	}
	h.idsCRC, h.payCRC = crc(ids), crc(pay)
	dst = h.append(dst)
	dst = append(dst, ids...)
	return append(dst, pay...), nil
}

// openChunk gives the raw payload of a chunk whose stored payload is pay.
func openChunk(z *zstdPool, v *vault, h *chunkHeader, pay []byte) ([]byte, error) {
	if crc(pay) != h.payCRC {
		return nil, damaged("chunk %x payload checksum", uint64(h.first))
	}
	if h.flags&flagSealed != 0 {
		a, err := v.aead(h.keyID, "chunk", uint64(h.first)>>32)
		if err != nil {
			return nil, err
		}
		plain, err := a.Open(nil, h.nonce[:], pay, h.appendBound(nil))
		if err != nil {
			return nil, damaged("chunk %x does not open with its key", uint64(h.first))
		}
		pay = plain
	}
	return z.decompress(h.codec, pay, int(h.rawLen))
}
