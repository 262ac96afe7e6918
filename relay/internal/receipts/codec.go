package receipts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"relay/internal/seal"
)

const (
	magic      = "RLYR\x03\x00\x00\x00"
	headLen    = 13
	maxPayload = 16 << 20 // of a record, before and after compression

	codecNone = 0 // nothing: in the place of what was removed
	codecZstd = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged: these bytes are no record.
var errDamaged = seal.ErrDamaged

// codec turns entries into records and back. It is not safe for concurrent use.
type codec struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	ring *seal.Ring
	raw  []byte // reused
	pack []byte // reused
}

// purpose names the keys of receipts, one a file.
const purpose = "receipts"

func newCodec(key []byte, old [][]byte) (*codec, error) {
	keys, err := seal.NewKeys(key, old...)
	if err != nil {
		return nil, err
	}
	c := &codec{ring: seal.NewRing(keys)}
	if c.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	if c.dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPayload)); err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return c, nil
}

func (c *codec) close() { c.dec.Close() }

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
	c.pack = c.enc.EncodeAll(raw, c.pack[:0])
	at := len(dst)
	sealed, err := c.ring.Seal(append(dst, make([]byte, headLen)...), purpose, file, place(file, offset), c.pack)
	if err != nil {
		return dst, err
	}
	putHead(sealed[at:], codecZstd, file, offset)
	return sealed, nil
}

// putHead writes the head of the record that b is, which lies at offset.
func putHead(b []byte, codec byte, file uint64, offset int64) {
	binary.BigEndian.PutUint32(b, uint32(len(b)-headLen))
	b[4] = codec
	binary.BigEndian.PutUint32(b[5:], headSum(b, file, offset))
	binary.BigEndian.PutUint32(b[9:], crc32.Checksum(b[headLen:], castagnoli))
}

// headSum is the checksum of length and codec, bound to their place: where a record
// begins can be told without trusting the one before.
func headSum(b []byte, file uint64, offset int64) uint32 {
	return crc32.Update(crc32.Checksum(b[:5], castagnoli), castagnoli, place(file, offset))
}

// headAt gives the length of the record that starts b, which lies at offset; 0: there
// is none, or it is cut off.
func headAt(b []byte, file uint64, offset int64) (n int) {
	if len(b) < headLen || b[0] > maxPayload>>24 || headSum(b, file, offset) != binary.BigEndian.Uint32(b[5:]) {
		return 0
	}
	size := int64(binary.BigEndian.Uint32(b))
	if size > maxPayload+1024 || headLen+size > int64(len(b)) {
		return 0
	}
	return int(headLen + size)
}

// payload reads the record that b is, which lies at offset. The JSON is valid until
// the next call; nil: it stands in the place of what was removed.
func (c *codec) payload(b []byte, file uint64, offset int64) (raw []byte, err error) {
	if crc32.Checksum(b[headLen:], castagnoli) != binary.BigEndian.Uint32(b[9:]) {
		return nil, errDamaged
	}
	if b[4] == codecNone {
		return nil, nil
	}
	packed, err := c.ring.Open(purpose, file, place(file, offset), b[headLen:])
	if err != nil {
		return nil, err
	}
	if raw, err = c.dec.DecodeAll(packed, nil); err != nil {
		return nil, errDamaged
	}
	return raw, nil
}

// piece is a part of a file: a record, or bytes that are none.
type piece struct {
	at  int64
	b   []byte
	raw []byte // its JSON; nil: something was removed there
	err error  // errDamaged: it is no record, or one whose bytes are damaged; seal.ErrKey: its key is not given
}

// walk calls fn for each piece of a file, in order. Behind damage it goes on with the
// next place where a record begins.
func (c *codec) walk(b []byte, file uint64, fn func(p piece) error) error {
	for at := int64(len(magic)); at < int64(len(b)); {
		p := piece{at: at}
		if n := headAt(b[at:], file, at); n > 0 {
			p.b = b[at : at+int64(n)]
			p.raw, p.err = c.payload(p.b, file, at)
		} else {
			to := at + 1
			for to < int64(len(b)) && headAt(b[to:], file, to) == 0 {
				to++
			}
			p.b, p.err = b[at:to], errDamaged
		}
		at += int64(len(p.b))
		if len(p.b) < headLen && len(bytes.Trim(p.b, "\x00")) == 0 && at < int64(len(b)) {
			continue // too little for a record was left where one was removed
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// blank fills b, which lies at offset, with a record of nothing.
func blank(b []byte, file uint64, offset int64) {
	clear(b)
	if len(b) >= headLen {
		putHead(b, codecNone, file, offset)
	}
}
