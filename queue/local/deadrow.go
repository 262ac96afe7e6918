package local

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// deadRow is a letter as it is stored.
type deadRow struct {
	DeadLetter
	Lane string `json:"lane"`
}

// A row is: checksum u32 · what Ring.Seal made of: codec u8 · raw length u32 ·
// compressed (length of the JSON u32 · JSON · body).
func (d *deadLog) encode(seg, idx uint64, lane string, dl DeadLetter) ([]byte, error) {
	dl.ID = ""
	js, err := json.Marshal(deadRow{dl, lane})
	if err != nil {
		return nil, fmt.Errorf("encode dead letter: %w", err)
	}
	raw := binary.LittleEndian.AppendUint32(nil, uint32(len(js)))
	raw = append(append(raw, js...), dl.Body...)
	b := binary.LittleEndian.AppendUint32([]byte{0}, uint32(len(raw)))
	b, codec := d.q.zstd.compress(b, raw)
	b[0] = codec
	key := binary.BigEndian.AppendUint64(nil, idx)
	sealed, err := d.q.ring.Seal(nil, "dead", seg, key, b)
	if err != nil {
		return nil, err
	}
	return append(binary.LittleEndian.AppendUint32(nil, deadCRC(seg, key, sealed)), sealed...), nil
}

func deadCRC(seg uint64, key, sealed []byte) uint32 {
	return crc(slices.Concat(binary.BigEndian.AppendUint64(nil, seg), key, sealed))
}

func rowOK(seg uint64, k, v []byte) bool {
	return len(v) > 4 && binary.LittleEndian.Uint32(v) == deadCRC(seg, k, v[4:])
}

func (d *deadLog) decode(seg uint64, k, v []byte) (DeadLetter, error) {
	if !rowOK(seg, k, v) {
		return DeadLetter{}, damaged("dead letter checksum")
	}
	b, err := d.q.ring.Open("dead", seg, k, v[4:])
	if err != nil {
		return DeadLetter{}, err
	}
	if len(b) < 5 {
		return DeadLetter{}, damaged("dead letter")
	}
	raw, err := d.q.zstd.decompress(b[0], b[5:], int(binary.LittleEndian.Uint32(b[1:])))
	if err != nil {
		return DeadLetter{}, err
	}
	if len(raw) < 4 || uint64(binary.LittleEndian.Uint32(raw)) > uint64(len(raw)-4) {
		return DeadLetter{}, damaged("dead letter")
	}
	n := 4 + int(binary.LittleEndian.Uint32(raw))
	var row deadRow
	if err := json.Unmarshal(raw[4:n], &row); err != nil {
		return DeadLetter{}, damaged("dead letter: %v", err)
	}
	row.ID = deadID(seg, binary.BigEndian.Uint64(k))
	row.Body = slices.Clone(raw[n:])
	return row.DeadLetter, nil
}

func deadID(seg, idx uint64) string { return fmt.Sprintf("%016x", seg<<32|idx) }

func parseDeadID(id string) (seg, idx uint64, ok bool) {
	n, err := strconv.ParseUint(id, 16, 64)
	return n >> 32, n & (1<<32 - 1), err == nil && len(id) == 16
}
