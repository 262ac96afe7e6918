package receipts

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"

	"relay/internal/seal"
)

const (
	magic      = "RLYR\x02\x00\x00\x00"
	headLen    = 9
	maxPayload = 16 << 20 // of a record, before and after compression

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
	dst = sealed
	head := dst[at : at+headLen]
	head[8] = codecZstd
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
	packed, err := c.ring.Open(purpose, file, place(file, offset), b[headLen:n])
	if err != nil {
		return nil, n, err
	}
	raw, err = c.dec.DecodeAll(packed, nil)
	if err != nil {
		return nil, n, errDamaged
	}
	return raw, n, nil
}
