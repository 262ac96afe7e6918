package dead

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/local/internal/age"
)

// row is a stored letter: checksum u32 · number u64 · settlement u64 · run time at its
// death, ns, i64 · trusted time of its death, Unix ms, i64, 0: none (little-endian) ·
// sealed, which is the result of Ring.Seal for
//
//	codec u8 · raw length u32 · compressed (length of the JSON u32 · JSON · body)
//
// The checksum covers the key too.
type row struct {
	number       uint64
	settlement   uint64
	ran, trusted int64 // an age.Stamp of its death
	sealed       []byte
}

const (
	rowHead    = 4 + 8 + 8 + 8 + 8
	keyTail    = 8 + 1
	maxLetter  = 256 << 20 // a row that claims more is damaged
	rowPurpose = "dead"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func damaged(format string, a ...any) error {
	return fmt.Errorf("dead letter: "+format+": %w", append(a, seal.ErrDamaged)...)
}

func rowKey(lane string, seq queue.Seq, slot uint8) []byte {
	k := append(make([]byte, 0, len(lane)+keyTail), lane...)
	return append(binary.BigEndian.AppendUint64(k, uint64(seq)), slot)
}

// isLaneKey reports whether k is the key of a row of lane.
func isLaneKey(k []byte, lane string) bool {
	at := len(k) - keyTail
	return at >= 0 && string(k[:at]) == lane
}

// splitKey splits the key of a row. ok is false if k cannot be such a key.
func splitKey(k []byte) (lane string, seq queue.Seq, slot uint8, ok bool) {
	at := len(k) - keyTail
	if at < 1 {
		return "", 0, 0, false
	}
	return string(k[:at]), queue.Seq(binary.BigEndian.Uint64(k[at:])), k[len(k)-1], true
}

func (r *row) encode(k []byte) []byte {
	b := make([]byte, 4, rowHead+len(r.sealed))
	b = binary.LittleEndian.AppendUint64(b, r.number)
	b = binary.LittleEndian.AppendUint64(b, r.settlement)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.ran))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.trusted))
	b = append(b, r.sealed...)
	binary.LittleEndian.PutUint32(b, rowSum(k, b))
	return b
}

func rowSum(k, v []byte) uint32 {
	return crc32.Update(crc32.Checksum(k, castagnoli), castagnoli, v[4:])
}

// decodeRow parses a row. row.sealed is a part of v.
func decodeRow(k, v []byte) (row, error) {
	if _, _, _, ok := splitKey(k); !ok || len(v) < rowHead {
		return row{}, damaged("row is cut short")
	}
	le := binary.LittleEndian
	if le.Uint32(v) != rowSum(k, v) {
		return row{}, damaged("wrong checksum")
	}
	return row{le.Uint64(v[4:]), le.Uint64(v[12:]), int64(le.Uint64(v[20:])), int64(le.Uint64(v[28:])), v[rowHead:]}, nil
}

// newer reports whether r was stored after o under the same key.
func (r *row) newer(o *row) bool {
	return r.number > o.number || r.number == o.number && r.ran >= o.ran
}

// keyID returns the id of the key that encrypts the row; 0: it is plain text.
func (r *row) keyID() uint32 {
	if len(r.sealed) < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(r.sealed)
}

// sealLetter returns row.sealed for a letter. If the row would exceed limit bytes, the end
// of the body is cut; the letter says by how much.
func (s *Store) sealLetter(k []byte, d queue.DeadLetter, limit int64) (sealed []byte, cut bool, err error) {
	for {
		js, err := json.Marshal(d)
		if err != nil {
			return nil, false, fmt.Errorf("encode dead letter: %w", err)
		}
		raw := binary.LittleEndian.AppendUint32(nil, uint32(len(js)))
		raw = append(append(raw, js...), d.Body...)
		b := binary.LittleEndian.AppendUint32([]byte{0}, uint32(len(raw)))
		b, codec := s.o.Codec.Compress(b, raw)
		b[0] = codec
		if sealed, err = s.o.Ring.Seal(nil, rowPurpose, 0, k, b); err != nil {
			return nil, false, err
		}
		if int64(rowHead+len(sealed)) <= limit || len(d.Body) == 0 {
			return sealed, cut, nil
		}
		// Uncompressed data is sure to fit: a row is its parts plus at limit 64 bytes for
		// encryption.
		room := min(max(0, limit-int64(rowHead+len(js)+64+32)), int64(len(d.Body)-1))
		d.Cut += int64(len(d.Body)) - room
		d.Body, cut = d.Body[:room], true
	}
}

func (s *Store) openLetter(k []byte, r row) (queue.DeadLetter, error) {
	b, err := s.o.Ring.Open(rowPurpose, 0, k, r.sealed)
	if err != nil {
		return queue.DeadLetter{}, err
	}
	if len(b) < 5 || binary.LittleEndian.Uint32(b[1:]) > maxLetter {
		return queue.DeadLetter{}, damaged("wrong length")
	}
	raw, err := s.o.Codec.Decompress(b[0], b[5:], int(binary.LittleEndian.Uint32(b[1:])))
	if err != nil {
		return queue.DeadLetter{}, err
	}
	if len(raw) < 4 || uint64(binary.LittleEndian.Uint32(raw)) > uint64(len(raw)-4) {
		return queue.DeadLetter{}, damaged("wrong length of its JSON")
	}
	n := 4 + int(binary.LittleEndian.Uint32(raw))
	var d queue.DeadLetter
	if err := json.Unmarshal(raw[4:n], &d); err != nil {
		return queue.DeadLetter{}, damaged("%v", err)
	}
	_, d.Seq, d.Slot, _ = splitKey(k)
	d.ID, d.Body = FormatID(r.number), slices.Clone(raw[n:])
	return d, nil
}

// FormatID converts a letter's number to its public id. Ids sort like numbers.
func FormatID(number uint64) string { return fmt.Sprintf("%016x", number) }

// ParseID is the inverse of FormatID.
func ParseID(id string) (number uint64, ok bool) {
	n, err := strconv.ParseUint(id, 16, 64)
	return n, err == nil && len(id) == 16
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// newRow returns a row without number and letter, for a letter that dies at s.
func newRow(settlement uint64, s age.Stamp) row {
	r := row{settlement: settlement, ran: int64(s.Ran)}
	if !s.At.IsZero() {
		r.trusted = s.At.UnixMilli()
	}
	return r
}

// stamp returns when the letter died.
func (r *row) stamp() age.Stamp {
	s := age.Stamp{Ran: time.Duration(r.ran)}
	if r.trusted != 0 {
		s.At = time.UnixMilli(r.trusted)
	}
	return s
}
