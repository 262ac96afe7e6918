package chunk

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
)

// How a payload is stored.
const (
	codecNone = 0
	codecZstd = 1
)

// zstdRatio exceeds what zstd can expand a byte to: a block of four bytes becomes 128 KiB.
const zstdRatio = 1 << 15

// Codec compresses and decompresses. It is safe for concurrent use and starts no goroutine. The
// window is limited to the largest common chunk size.
type Codec struct {
	enc sync.Pool
	dec sync.Pool
}

// NewCodec returns a Codec. It keeps its allocations for later calls.
func NewCodec() *Codec {
	return &Codec{
		enc: sync.Pool{New: func() any {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
				zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
			if err != nil {
				panic(err) // only wrong options cause this
			}
			return e
		}},
		dec: sync.Pool{New: func() any {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxMemory(maxPayload), zstd.WithDecodeAllCapLimit(true))
			if err != nil {
				panic(err)
			}
			return d
		}},
	}
}

// Compress appends raw to dst, compressed if that makes it smaller, and returns the codec used.
func (c *Codec) Compress(dst, raw []byte) ([]byte, byte) {
	at := len(dst)
	e := c.enc.Get().(*zstd.Encoder)
	dst = e.EncodeAll(raw, dst)
	c.enc.Put(e)
	if len(dst)-at >= len(raw) {
		return append(dst[:at], raw...), codecNone
	}
	return dst, codecZstd
}

// Decompress undoes Compress. The result must have rawLen bytes; a wrong rawLen allocates no more
// memory than b can justify. An uncompressed payload is returned as b itself.
func (c *Codec) Decompress(codec byte, b []byte, rawLen int) ([]byte, error) {
	switch codec {
	case codecNone:
		if len(b) != rawLen {
			return nil, format.Damaged("payload length")
		}
		return b, nil
	case codecZstd:
		if rawLen < 0 || rawLen > maxPayload || rawLen > len(b)*zstdRatio {
			return nil, format.Damaged("payload length")
		}
		d := c.dec.Get().(*zstd.Decoder)
		defer c.dec.Put(d)
		room := min(rawLen, 1<<20+len(b)*64)
		raw, err := d.DecodeAll(b, make([]byte, 0, room))
		if errors.Is(err, zstd.ErrDecoderSizeExceeded) && room < rawLen {
			raw, err = d.DecodeAll(b, make([]byte, 0, rawLen))
		}
		if err != nil {
			return nil, format.Damaged("payload: %v", err)
		}
		if len(raw) != rawLen {
			return nil, format.Damaged("payload length")
		}
		return raw, nil
	}
	return nil, fmt.Errorf("codec %d: %w", codec, format.ErrNewer)
}

// Decode returns the records of a chunk whose stored payload is payload. It returns seal.ErrKey if
// the key is not in ring. Records with the same lane set share it.
func (c *Codec) Decode(ring *seal.Ring, h *Header, payload []byte) ([]queue.Record, error) {
	if format.CRC(payload) != h.payCRC {
		return nil, format.Damaged("chunk %x payload checksum", uint64(h.First))
	}
	sealed := h.flags&flagSealed != 0
	if sealed {
		a, err := ring.AEAD(h.KeyID, "chunk", uint64(h.First)>>32)
		if err != nil {
			return nil, err
		}
		plain, err := a.Open(nil, h.nonce[:], payload, h.appendBound(nil))
		if err != nil {
			return nil, format.Damaged("chunk %x does not open with its key", uint64(h.First))
		}
		payload = plain
	}
	raw, err := c.Decompress(h.codec, payload, int(h.rawLen))
	if err != nil {
		return nil, err
	}
	if h.codec == codecNone && !sealed {
		raw = bytes.Clone(raw) // raw still aliases the caller's payload
	}
	return decodePayload(h, raw)
}
