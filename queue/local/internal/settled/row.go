package settled

import (
	"encoding/binary"
	"errors"

	"relay/queue"
	"relay/queue/internal/varint"
)

// The row of a block: a byte that says what it is, the words of a bitmap unless
// everything is settled, and the records that are settled in part, each as its
// distance from the one before and its slots.
const (
	rowFull = 1
	rowBits = 2
)

var errRow = errors.New("settled row cannot be read")

// Num is the number of the block, by which it is stored.
func (b *Block) Num() uint64 { return b.num }

// Segment is the number of the segment in which the block lies.
func (b *Block) Segment() uint64 { return b.num >> (32 - blockBits) }

// Encode gives the block's row.
func (b *Block) Encode() []byte {
	if b.bits == nil {
		return []byte{rowFull}
	}
	row := append(make([]byte, 0, 1+8*words+3*len(b.parts)), rowBits)
	for _, w := range b.bits {
		row = binary.LittleEndian.AppendUint64(row, w)
	}
	at := uint16(0)
	for _, p := range b.parts {
		row = append(binary.AppendUvarint(row, uint64(p.at-at)), byte(p.slots))
		at = p.at
	}
	return row
}

// Decode reads the row of a block.
func Decode(num uint64, row []byte) (*Block, error) {
	switch {
	case len(row) == 1 && row[0] == rowFull:
		return &Block{num: num}, nil
	case len(row) < 1+8*words || row[0] != rowBits:
		return nil, errRow
	}
	b := &Block{num: num, bits: new([words]uint64)}
	for i := range b.bits {
		b.bits[i] = binary.LittleEndian.Uint64(row[1+8*i:])
	}
	at := uint64(0)
	for rd := varint.NewReader(row[1+8*words:]); rd.Len() > 0; {
		d := rd.Uint()
		at += d
		slots := queue.Slots(rd.Byte())
		if rd.Bad() || d >= blockLen || at >= blockLen || slots == 0 || d == 0 && len(b.parts) > 0 || b.has(int(at)) {
			return nil, errRow
		}
		b.parts = append(b.parts, part{uint16(at), slots})
	}
	return b, nil
}
