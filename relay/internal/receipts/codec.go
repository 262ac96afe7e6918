package receipts

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

const (
	magic      = "RLYR\x01\x00\x00\x00"
	headLen    = 13
	maxPayload = 16 << 20 // of a record, before and after compression

	codecZstd = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrKey says that a record is sealed with a key that is not given.
var ErrKey = errors.New("encryption key does not fit")

// errDamaged: these bytes are no record.
var errDamaged = errors.New("damaged record")

// codec turns entries into records and back. It is not safe for concurrent use.
type codec struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	cur  uint32
	keys map[uint32][]byte
	raw  []byte // reused
}

func newCodec(key []byte, old [][]byte) (*codec, error) {
	c := &codec{keys: map[uint32][]byte{}}
	var err error
	if c.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	if c.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload)); err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	for i, k := range append([][]byte{key}, old...) {
		if len(k) == 0 {
			continue
		}
		if len(k) != 32 {
			return nil, fmt.Errorf("key of %d bytes, want 32: %w", len(k), ErrKey)
		}
		sum := sha256.Sum256(append([]byte("relay receipts key id\x00"), k...))
		id := max(1, binary.BigEndian.Uint32(sum[:]))
		c.keys[id] = k
		if i == 0 {
			c.cur = id
		}
	}
	return c, nil
}

func (c *codec) close() { c.dec.Close() }

func (c *codec) aead(id uint32, file uint64) (cipher.AEAD, error) {
	k, ok := c.keys[id]
	if !ok {
		return nil, fmt.Errorf("sealed with key %08x, which is not given: %w", id, ErrKey)
	}
	sub, err := hkdf.Key(sha256.New, k, nil, fmt.Sprintf("relay receipts %016x", file), 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(sub)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func place(file uint64, offset int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, file), uint64(offset))
}

// record encodes e for an offset of a file.
func (c *codec) record(dst []byte, e *entry, file uint64, offset int64) ([]byte, error) {
	raw, err := e.append(c.raw[:0])
	if err != nil {
		return dst, err
	}
	c.raw = raw
	if len(raw) > maxPayload {
		return dst, fmt.Errorf("encode receipt: %d bytes are too many", len(raw))
	}
	at := len(dst)
	dst = append(dst, make([]byte, headLen)...)
	if c.cur == 0 {
		dst = c.enc.EncodeAll(raw, dst)
	} else {
		a, err := c.aead(c.cur, file)
		if err != nil {
			return dst[:at], err
		}
		dst = a.Seal(dst, nil, c.enc.EncodeAll(raw, nil), place(file, offset))
	}
	head := dst[at : at+headLen]
	head[8] = codecZstd
	binary.BigEndian.PutUint32(head[9:], c.cur)
	binary.BigEndian.PutUint32(head, uint32(len(dst)-at-headLen))
	binary.BigEndian.PutUint32(head[4:], crc32.Checksum(dst[at+8:], castagnoli))
	return dst, nil
}

// payload reads the record at the start of b, which lies at offset; n is its
// length, 0 when it cannot be told. The JSON is valid until the next call.
func (c *codec) payload(b []byte, file uint64, offset int64) (raw []byte, n int, err error) {
	if len(b) < headLen {
		return nil, 0, errDamaged
	}
	size := int(binary.BigEndian.Uint32(b))
	if size > maxPayload+1024 || headLen+size > len(b) {
		return nil, 0, errDamaged
	}
	n = headLen + size
	if crc32.Checksum(b[8:n], castagnoli) != binary.BigEndian.Uint32(b[4:]) || b[8] != codecZstd {
		return nil, n, errDamaged
	}
	body := b[headLen:n]
	if id := binary.BigEndian.Uint32(b[9:]); id != 0 {
		a, err := c.aead(id, file)
		if err != nil {
			return nil, n, err
		}
		if body, err = a.Open(nil, nil, body, place(file, offset)); err != nil {
			return nil, n, errDamaged
		}
	}
	raw, err = c.dec.DecodeAll(body, nil)
	if err != nil {
		return nil, n, errDamaged
	}
	return raw, n, nil
}
