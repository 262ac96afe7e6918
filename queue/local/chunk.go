package local

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"relay/internal/seal"
)

// A chunk is what one group commit stores: a header that can be read alone, the
// hashes of the ids it adds, and the records, compressed and, with a key,
// sealed. doc.go draws it. A chunk never changes once it is written: its key
// in the segment always means these bytes, whichever page they are found on.
const (
	chunkVersion = 1
	chunkFixed   = 80        // header up to the lane table
	chunkTail    = 12        // three checksums
	maxHeader    = 1 << 20   // a header that claims more is damaged
	maxPayload   = 256 << 20 // a payload that claims more is damaged

	flagSealed = 1 << 0 // payload is AES-256-GCM
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errDamaged = seal.ErrDamaged
)

func damaged(format string, a ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, a...))
}

func crc(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// chunkLane is what a chunk, or a whole segment, holds for one lane.
type chunkLane struct {
	name  string
	count uint32
	last  uint32 // index of the last record for it, within the segment
	bytes uint64 // of bodies
	min   int64  // earliest time of receipt, Unix ms
}

type chunkHeader struct {
	codec    byte
	flags    byte
	keyID    uint32
	first    Seq
	count    uint32 // records in it
	span     uint32 // sequence numbers it stands for; more than count once records were taken out
	idsLen   uint32
	rawLen   uint32 // payload before compression
	payLen   uint32 // payload as stored
	min, max int64  // time of receipt, Unix ms
	nonce    [12]byte
	lanes    []chunkLane
	idsCRC   uint32
	payCRC   uint32

	size uint32 // of the header itself, set by decode and encode
}

func (h *chunkHeader) end() Seq { return h.first + Seq(h.span) }

func (h *chunkHeader) total() int { return int(h.size) + int(h.idsLen) + int(h.payLen) }

func (h *chunkHeader) lane(name string) *chunkLane {
	for i := range h.lanes {
		if h.lanes[i].name == name {
			return &h.lanes[i]
		}
	}
	return nil
}

// encodedSize is the length encode will have.
func (h *chunkHeader) encodedSize() int {
	n := chunkFixed + chunkTail
	for i := range h.lanes {
		n += 26 + len(h.lanes[i].name)
	}
	return n
}

// appendBound appends the part of the header that a sealed payload is bound to.
func (h *chunkHeader) appendBound(b []byte) []byte {
	le := binary.LittleEndian
	h.size = uint32(h.encodedSize())
	b = append(b, 'r', chunkVersion, h.codec, h.flags)
	b = le.AppendUint32(b, h.size)
	b = le.AppendUint64(b, uint64(h.first))
	for _, v := range [...]uint32{h.count, h.span, h.idsLen, h.rawLen, h.payLen, h.keyID} {
		b = le.AppendUint32(b, v)
	}
	b = le.AppendUint64(b, uint64(h.min))
	b = le.AppendUint64(b, uint64(h.max))
	b = append(b, h.nonce[:]...)
	b = le.AppendUint32(b, uint32(len(h.lanes)))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // reserved, zero
	for i := range h.lanes {
		l := &h.lanes[i]
		b = le.AppendUint16(b, uint16(len(l.name)))
		b = append(b, l.name...)
		b = le.AppendUint32(b, l.count)
		b = le.AppendUint32(b, l.last)
		b = le.AppendUint64(b, l.bytes)
		b = le.AppendUint64(b, uint64(l.min))
	}
	return b
}

func (h *chunkHeader) append(b []byte) []byte {
	at := len(b)
	b = h.appendBound(b)
	b = binary.LittleEndian.AppendUint32(b, h.idsCRC)
	b = binary.LittleEndian.AppendUint32(b, h.payCRC)
	return binary.LittleEndian.AppendUint32(b, crc(b[at:]))
}

// headerSize says how long the header is that starts b.
func headerSize(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, damaged("chunk header is cut short")
	}
	if b[0] != 'r' || b[1] == 0 {
		return 0, damaged("not a chunk")
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n < chunkFixed+chunkTail || n > maxHeader {
		return 0, damaged("chunk header length %d", n)
	}
	return int(n), nil
}

// decodeHeader reads the header that starts b, which must hold all of it.
func decodeHeader(b []byte) (chunkHeader, error) {
	var h chunkHeader
	n, err := headerSize(b)
	if err != nil {
		return h, err
	}
	if len(b) < n {
		return h, damaged("chunk header is cut short")
	}
	le := binary.LittleEndian
	b = b[:n]
	if crc(b[:n-4]) != le.Uint32(b[n-4:]) {
		return h, damaged("chunk header checksum")
	}
	if b[1] > chunkVersion { // of whatever version, checksum and length are where they are
		return h, fmt.Errorf("chunk version %d: %w", b[1], ErrNewerFormat)
	}
	h.codec, h.flags, h.size = b[2], b[3], uint32(n)
	h.first = Seq(le.Uint64(b[8:]))
	for i, p := range [...]*uint32{&h.count, &h.span, &h.idsLen, &h.rawLen, &h.payLen, &h.keyID} {
		*p = le.Uint32(b[16+4*i:])
	}
	h.min, h.max = int64(le.Uint64(b[40:])), int64(le.Uint64(b[48:]))
	copy(h.nonce[:], b[56:])
	lanes := le.Uint32(b[68:])
	h.idsCRC, h.payCRC = le.Uint32(b[n-12:]), le.Uint32(b[n-8:])
	if h.span == 0 || h.count > h.span || uint64(h.first)&math.MaxUint32+uint64(h.span) > math.MaxUint32 ||
		h.idsLen%idRow != 0 || h.idsLen > maxPayload || h.payLen > maxPayload || h.rawLen > maxPayload {
		return h, damaged("chunk header values")
	}
	rest := b[chunkFixed : n-chunkTail]
	if uint64(lanes)*26 > uint64(len(rest)) {
		return h, damaged("lane table")
	}
	h.lanes = make([]chunkLane, lanes)
	for i := range h.lanes {
		if len(rest) < 26 {
			return h, damaged("lane table")
		}
		k := int(le.Uint16(rest))
		if len(rest) < 26+k {
			return h, damaged("lane table")
		}
		l := &h.lanes[i]
		l.name = string(rest[2 : 2+k])
		rest = rest[2+k:]
		l.count, l.last, l.bytes, l.min = le.Uint32(rest), le.Uint32(rest[4:]), le.Uint64(rest[8:]), int64(le.Uint64(rest[16:]))
		rest = rest[24:]
	}
	if len(rest) != 0 {
		return h, damaged("lane table")
	}
	return h, nil
}

// appendRecord appends a record as the payload holds it. set is its index in
// the payload's table of lane sets, gap the sequence numbers left out before it.
func appendRecord(b []byte, set, gap uint64, rest []byte) []byte {
	b = binary.AppendUvarint(b, set)
	b = binary.AppendUvarint(b, gap)
	return append(b, rest...)
}

// appendRecordRest appends what does not depend on the chunk it comes to lie in.
func appendRecordRest(b []byte, flags Flags, received int64, id string, body []byte) []byte {
	b = binary.AppendUvarint(b, uint64(flags))
	b = binary.AppendVarint(b, received)
	b = binary.AppendUvarint(b, uint64(len(id)))
	b = append(b, id...)
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

// laneSets numbers the distinct sets of lanes of a chunk's records.
type laneSets struct {
	lanes []chunkLane
	byKey map[string]int
	sets  [][]int // indexes into lanes
	last  string
	lastN int
}

func (s *laneSets) reset() {
	s.lanes, s.sets, s.last = s.lanes[:0], s.sets[:0], ""
	if s.byKey == nil {
		s.byKey = make(map[string]int)
	}
	clear(s.byKey)
}

// add counts a record with index idx for the lanes and returns their set.
func (s *laneSets) add(key string, lanes []string, idx uint32, bytes int, received int64) int {
	n := s.lastN
	if key != s.last || len(s.sets) == 0 {
		var ok bool
		if n, ok = s.byKey[key]; !ok {
			set := make([]int, 0, len(lanes))
			for _, name := range lanes {
				set = append(set, s.index(name))
			}
			n = len(s.sets)
			s.sets = append(s.sets, set)
			s.byKey[key] = n
		}
		s.last, s.lastN = key, n
	}
	for _, i := range s.sets[n] {
		s.lanes[i].add(idx, uint64(bytes), received)
	}
	return n
}

func (l *chunkLane) add(idx uint32, bytes uint64, received int64) {
	if l.count == 0 || received < l.min {
		l.min = received
	}
	l.count++
	l.last = idx
	l.bytes += bytes
}

func (s *laneSets) index(name string) int {
	for i := range s.lanes {
		if s.lanes[i].name == name {
			return i
		}
	}
	s.lanes = append(s.lanes, chunkLane{name: name})
	return len(s.lanes) - 1
}

// appendTable appends the table of sets that starts a payload.
func (s *laneSets) appendTable(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(s.sets)))
	for _, set := range s.sets {
		b = binary.AppendUvarint(b, uint64(len(set)))
		for _, i := range set {
			b = binary.AppendUvarint(b, uint64(i))
		}
	}
	return b
}

// decodePayload reads the records of a chunk. Bodies lie in raw.
func decodePayload(h *chunkHeader, raw []byte) ([]Record, error) {
	r := reader{b: raw}
	sets := make([][]string, r.count(1))
	for i := range sets {
		set := make([]string, r.count(1))
		for j := range set {
			k := r.uvarint()
			if k >= uint64(len(h.lanes)) {
				return nil, damaged("lane set")
			}
			set[j] = h.lanes[k].name
		}
		sets[i] = set
	}
	if uint64(h.count)*5 > uint64(len(r.b)) || r.bad {
		return nil, damaged("record table")
	}
	recs := make([]Record, h.count)
	idx := uint64(0)
	for i := range recs {
		set, gap := r.uvarint(), r.uvarint()
		flags, received := r.uvarint(), r.varint()
		id := r.bytes()
		body := r.bytes()
		idx += gap
		if r.bad || set >= uint64(len(sets)) || gap > math.MaxUint32 || flags > math.MaxUint16 || idx >= uint64(h.span) {
			return nil, damaged("record %d", i)
		}
		recs[i] = Record{Seq: h.first + Seq(idx), ID: string(id), Lanes: sets[set], Received: time.UnixMilli(received).UTC(), Flags: Flags(flags), Body: body}
		idx++
	}
	if len(r.b) != 0 {
		return nil, damaged("%d bytes behind the last record", len(r.b))
	}
	return recs, nil
}

// reader reads varints from bytes that may be damaged.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads a number of things of at least size bytes each.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *reader) bytes() []byte {
	n := r.count(1)
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
