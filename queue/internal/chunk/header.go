package chunk

import (
	"encoding/binary"
	"fmt"
	"math"

	"relay/queue"
	"relay/queue/internal/format"
)

// Header describes the contents of a chunk.
type Header struct {
	First queue.Seq
	Count uint32 // records in the chunk
	Span  uint32 // sequence numbers it covers, at least Count
	Min   int64  // earliest time of receipt, Unix ms
	Max   int64  // latest time of receipt, Unix ms
	KeyID uint32 // of the key it is sealed with; 0: none
	Lanes []Lane

	codec  byte
	flags  byte
	idsLen uint32
	rawLen uint32 // payload before compression
	payLen uint32 // payload as stored
	nonce  [12]byte
	idsCRC uint32
	payCRC uint32
	size   uint32 // of the header itself; set when it is encoded or decoded
}

// Lane summarises the records of a chunk, or of a segment, for one lane.
type Lane struct {
	Name  string
	Count uint32
	Last  uint32 // index of its last record, within the segment
	Bytes uint64 // of bodies
	Min   int64  // earliest time of receipt, Unix ms
}

// End is the sequence number after the last one the chunk covers.
func (h *Header) End() queue.Seq { return h.First + queue.Seq(h.Span) }

// Len is the length of the whole chunk.
func (h *Header) Len() int { return int(h.size) + int(h.idsLen) + int(h.payLen) }

// RawLen is the length of the payload before compression: about the memory its records take,
// without their structs.
func (h *Header) RawLen() int { return int(h.rawLen) }

// Sum is a checksum of the stored payload. First and Sum together identify a version of a chunk.
func (h *Header) Sum() uint32 { return h.payCRC }

// Lane returns the summary for a lane, or nil if the chunk has no records for it.
func (h *Header) Lane(name string) *Lane {
	for i := range h.Lanes {
		if h.Lanes[i].Name == name {
			return &h.Lanes[i]
		}
	}
	return nil
}

// Split returns the ids and the payload of chunk b after checking their checksums. Both alias b.
func (h *Header) Split(b []byte) (ids, payload []byte, err error) {
	if len(b) != h.Len() {
		return nil, nil, format.Damaged("chunk %x length", uint64(h.First))
	}
	ids, payload = b[h.size:h.size+h.idsLen], b[h.size+h.idsLen:]
	if format.CRC(ids) != h.idsCRC || format.CRC(payload) != h.payCRC {
		return nil, nil, format.Damaged("chunk %x checksum", uint64(h.First))
	}
	return ids, payload, nil
}

// AppendID appends a row of a chunk's ids.
func AppendID(b []byte, hash [16]byte, fingerprint uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, hash[:]...), fingerprint)
}

// HeaderLen returns the length of the header at the start of b. It needs the first 8 bytes.
func HeaderLen(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, format.Damaged("chunk header is truncated")
	}
	if b[0] != 'r' || b[1] == 0 {
		return 0, format.Damaged("not a chunk")
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n < fixed+tail || n > maxHeader {
		return 0, format.Damaged("chunk header length %d", n)
	}
	return int(n), nil
}

// DecodeHeader reads the header at the start of b, which must contain all of it.
func DecodeHeader(b []byte) (Header, error) {
	var h Header
	n, err := HeaderLen(b)
	if err != nil {
		return h, err
	}
	if len(b) < n {
		return h, format.Damaged("chunk header is truncated")
	}
	le := binary.LittleEndian
	b = b[:n]
	if format.CRC(b[:n-4]) != le.Uint32(b[n-4:]) {
		return h, format.Damaged("chunk header checksum")
	}
	if b[1] > version { // checksum and length have the same place in every version
		return h, fmt.Errorf("chunk version %d: %w", b[1], format.ErrNewer)
	}
	h.codec, h.flags, h.size = b[2], b[3], uint32(n)
	h.First = queue.Seq(le.Uint64(b[8:]))
	for i, p := range h.numbers() {
		*p = le.Uint32(b[16+4*i:])
	}
	h.Min, h.Max = int64(le.Uint64(b[40:])), int64(le.Uint64(b[48:]))
	copy(h.nonce[:], b[56:])
	h.idsCRC, h.payCRC = le.Uint32(b[n-12:]), le.Uint32(b[n-8:])
	if h.Span == 0 || h.Count > h.Span || uint64(h.First)&math.MaxUint32+uint64(h.Span) > math.MaxUint32 ||
		h.idsLen%IDLen != 0 || h.idsLen > maxPayload || h.payLen > maxPayload || h.rawLen > maxPayload {
		return h, format.Damaged("chunk header values")
	}
	h.Lanes, err = decodeLanes(b[fixed:n-tail], le.Uint32(b[68:]))
	return h, err
}

// numbers returns the fields that follow the first sequence number.
func (h *Header) numbers() [6]*uint32 {
	return [...]*uint32{&h.Count, &h.Span, &h.idsLen, &h.rawLen, &h.payLen, &h.KeyID}
}

// decodeLanes reads n lanes from the lane table b.
func decodeLanes(b []byte, n uint32) ([]Lane, error) {
	if uint64(n)*laneFixed > uint64(len(b)) {
		return nil, format.Damaged("lane table")
	}
	le := binary.LittleEndian
	lanes := make([]Lane, n)
	for i := range lanes {
		if len(b) < laneFixed || len(b) < laneFixed+int(le.Uint16(b)) {
			return nil, format.Damaged("lane table")
		}
		k := 2 + int(le.Uint16(b))
		lanes[i] = Lane{
			Name:  string(b[2:k]),
			Count: le.Uint32(b[k:]), Last: le.Uint32(b[k+4:]), Bytes: le.Uint64(b[k+8:]), Min: int64(le.Uint64(b[k+16:])),
		}
		b = b[k+24:]
	}
	if len(b) != 0 {
		return nil, format.Damaged("lane table")
	}
	return lanes, nil
}

// append appends the header; the checksums of ids and payload must be set.
func (h *Header) append(b []byte) []byte {
	at := len(b)
	b = h.appendBound(b)
	b = binary.LittleEndian.AppendUint32(b, h.idsCRC)
	b = binary.LittleEndian.AppendUint32(b, h.payCRC)
	return binary.LittleEndian.AppendUint32(b, format.CRC(b[at:]))
}

// appendBound appends the part of the header that a sealed payload is bound to.
func (h *Header) appendBound(b []byte) []byte {
	n := fixed + tail
	for i := range h.Lanes {
		n += laneFixed + len(h.Lanes[i].Name)
	}
	h.size = uint32(n)
	le := binary.LittleEndian
	b = append(b, 'r', version, h.codec, h.flags)
	b = le.AppendUint32(b, h.size)
	b = le.AppendUint64(b, uint64(h.First))
	for _, p := range h.numbers() {
		b = le.AppendUint32(b, *p)
	}
	b = le.AppendUint64(b, uint64(h.Min))
	b = le.AppendUint64(b, uint64(h.Max))
	b = append(b, h.nonce[:]...)
	b = le.AppendUint32(b, uint32(len(h.Lanes)))
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // reserved, zero
	for i := range h.Lanes {
		l := &h.Lanes[i]
		b = le.AppendUint16(b, uint16(len(l.Name)))
		b = append(b, l.Name...)
		b = le.AppendUint32(b, l.Count)
		b = le.AppendUint32(b, l.Last)
		b = le.AppendUint64(b, l.Bytes)
		b = le.AppendUint64(b, uint64(l.Min))
	}
	return b
}
