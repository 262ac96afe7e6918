package local

import (
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"relay/internal/seal"
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

// packChunk compresses and seals raw as the payload of h, fills in what h says
// about it, and appends header, ids and payload to dst. scratch is reused.
func packChunk(dst []byte, z *zstdPool, ring *seal.Ring, scratch *[]byte, h *chunkHeader, ids, raw []byte) ([]byte, error) {
	pay, codec := z.compress((*scratch)[:0], raw)
	*scratch = pay
	h.codec, h.flags, h.keyID = codec, 0, ring.Keys().Current()
	h.idsLen, h.rawLen, h.payLen = uint32(len(ids)), uint32(len(raw)), uint32(len(pay))
	if h.keyID != 0 {
		a, err := ring.AEAD(h.keyID, "chunk", uint64(h.first)>>32)
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
func openChunk(z *zstdPool, ring *seal.Ring, h *chunkHeader, pay []byte) ([]byte, error) {
	if crc(pay) != h.payCRC {
		return nil, damaged("chunk %x payload checksum", uint64(h.first))
	}
	if h.flags&flagSealed != 0 {
		a, err := ring.AEAD(h.keyID, "chunk", uint64(h.first)>>32)
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
