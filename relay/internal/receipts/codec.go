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
	headerLen  = 13
	maxPayload = 16 << 20 // bytes of a record, before and after compression

	codecNone = 0 // empty: fills the space of removed data
	codecZstd = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errDamaged reports bytes that are not a valid record.
var errDamaged = seal.ErrDamaged

// codec encodes entries as records and decodes them. It is not safe for concurrent use.
type codec struct {
	enc  *zstd.Encoder
	dec  *zstd.Decoder
	ring *seal.Ring
	raw  []byte // reused
	pack []byte // reused
}

// purpose names the encryption keys of receipts; each file has its own key.
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

// place is what a record is bound to: its file and its offset there.
func place(file uint64, offset int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, file), uint64(offset))
}

// record appends e to dst, encoded for an offset of a file.
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
	sealed, err := c.ring.Seal(append(dst, make([]byte, headerLen)...), purpose, file, place(file, offset), c.pack)
	if err != nil {
		return dst, err
	}
	putHeader(sealed[at:], codecZstd, file, offset)
	return sealed, nil
}

// putHeader writes the header of record b, which lies at offset.
func putHeader(b []byte, codec byte, file uint64, offset int64) {
	binary.BigEndian.PutUint32(b, uint32(len(b)-headerLen))
	b[4] = codec
	binary.BigEndian.PutUint32(b[5:], headerSum(b, file, offset))
	binary.BigEndian.PutUint32(b[9:], crc32.Checksum(b[headerLen:], castagnoli))
}

// headerSum is the checksum of length and codec, bound to their place: the beginning of a
// record is recognised without trusting the record before it.
func headerSum(b []byte, file uint64, offset int64) uint32 {
	return crc32.Update(crc32.Checksum(b[:5], castagnoli), castagnoli, place(file, offset))
}

// recordLen returns the length of the record at the start of b, which lies at offset; 0 if
// there is none or it is cut off.
func recordLen(b []byte, file uint64, offset int64) (n int) {
	if len(b) < headerLen || b[0] > maxPayload>>24 || headerSum(b, file, offset) != binary.BigEndian.Uint32(b[5:]) {
		return 0
	}
	size := int64(binary.BigEndian.Uint32(b))
	if size > maxPayload+1024 || headerLen+size > int64(len(b)) {
		return 0
	}
	return int(headerLen + size)
}

// payload returns the JSON of record b, which lies at offset. nil: the record is a filler
// where data was removed.
func (c *codec) payload(b []byte, file uint64, offset int64) (raw []byte, err error) {
	if crc32.Checksum(b[headerLen:], castagnoli) != binary.BigEndian.Uint32(b[9:]) {
		return nil, errDamaged
	}
	if b[4] == codecNone {
		return nil, nil
	}
	packed, err := c.ring.Open(purpose, file, place(file, offset), b[headerLen:])
	if err != nil {
		return nil, err
	}
	if raw, err = c.dec.DecodeAll(packed, nil); err != nil {
		return nil, errDamaged
	}
	return raw, nil
}

// piece is a part of a file: a record, or bytes that are not one.
type piece struct {
	at  int64
	b   []byte
	raw []byte // its JSON; nil: a filler
	err error  // errDamaged: not a record, or a damaged one; seal.ErrKey: its key is missing
}

// walk calls fn for each piece of a file, in order. After damage it continues at the next
// position where a record begins.
func (c *codec) walk(b []byte, file uint64, fn func(p piece) error) error {
	for at := int64(len(magic)); at < int64(len(b)); {
		p := piece{at: at}
		if n := recordLen(b[at:], file, at); n > 0 {
			p.b = b[at : at+int64(n)]
			p.raw, p.err = c.payload(p.b, file, at)
		} else {
			to := at + 1
			for to < int64(len(b)) && recordLen(b[to:], file, to) == 0 {
				to++
			}
			p.b, p.err = b[at:to], errDamaged
		}
		at += int64(len(p.b))
		if len(p.b) < headerLen && len(bytes.Trim(p.b, "\x00")) == 0 && at < int64(len(b)) {
			continue // a gap too small for a filler record
		}
		if err := fn(p); err != nil {
			return err
		}
	}
	return nil
}

// fill overwrites b, which lies at offset, with a filler record.
func fill(b []byte, file uint64, offset int64) {
	clear(b)
	if len(b) >= headerLen {
		putHeader(b, codecNone, file, offset)
	}
}
