package settled

import (
	"encoding/binary"
	"errors"

	"relay/queue"
	"relay/queue/internal/varint"
)

// A block's row is a type byte; for rowBits the words of the bitmap follow, and then the
// partly settled records, each as its distance from the previous one and its slots.
const (
	rowFull = 1
	rowBits = 2
)

var errRow = errors.New("settled row cannot be read")

// Num returns the block's number, which is its key in the database.
func (b *Block) Num() uint64 { return b.num }

// Segment returns the number of the segment to which the block belongs.
func (b *Block) Segment() uint64 { return b.num >> (32 - blockBits) }

// Encode returns the block's row.
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

// Decode parses the row of a block.
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
