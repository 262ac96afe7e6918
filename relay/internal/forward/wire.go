package forward

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"relay/queue"
)

const (
	// Path is the path to which chunks are posted.
	Path = "/v1/forward"
	// ContentType is the content type of a chunk.
	ContentType = "application/x-relay-forward"
	// Version is the version of the format; no other one is read.
	Version = 1

	magic      = "relayfwd"
	headLen    = len(magic) + 1 + 4
	leastBytes = 5 // of a record
)

// Lane is the kind of the records in a chunk.
type Lane uint8

// The kinds of records.
const (
	Events    Lane = iota // usable events
	Refused               // messages that can never become a conversion
	Conflicts             // events with the id of another event at the edge
)

// carried are the flags that a chunk contains: how an event arrived.
const carried = queue.FlagImported | queue.FlagTooLarge | queue.FlagRedriven | queue.FlagMerged | queue.FlagRepeated | queue.FlagNaN

// ErrFormat means that a body is not a chunk.
var ErrFormat = errors.New("the body is not a chunk of a relay's log")

// VersionError means that a chunk has a version that this relay does not read.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("this relay does not read chunks of version %d, only of version %d", e.Version, Version)
}

// Epoch identifies one opening of an edge's log.
type Epoch [16]byte

// Chunk is a part of an edge's log that is sent at once.
type Chunk struct {
	Epoch    Epoch
	Lane     Lane
	From, To queue.Seq
	State    State
	Records  []queue.Record // only Seq, ID, Received, Flags and Body
}

// State is the state of an edge.
type State struct {
	Waiting int64     `json:"waiting"` // pending records, including those of the chunk
	Oldest  time.Time `json:"oldest,omitzero"`
	Version string    `json:"version"`
}

// decoders are reused. All have the same memory limit, since a hub has one size limit.
var decoders sync.Pool

// A codec is safe for concurrent use by EncodeAll and DecodeAll.
var encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// Append appends the encoded chunk to b.
func (c *Chunk) Append(b []byte) []byte {
	size := 64
	for i := range c.Records {
		size += len(c.Records[i].Body) + len(c.Records[i].ID) + 24
	}
	raw := append(make([]byte, 0, size), c.Epoch[:]...)
	raw = append(raw, byte(c.Lane))
	raw = binary.AppendUvarint(raw, uint64(c.From))
	raw = binary.AppendUvarint(raw, uint64(c.To))
	raw = binary.AppendUvarint(raw, uint64(max(c.State.Waiting, 0)))
	oldest := int64(0)
	if !c.State.Oldest.IsZero() {
		oldest = c.State.Oldest.UnixMilli()
	}
	raw = binary.AppendVarint(raw, oldest)
	raw = appendBytes(raw, c.State.Version)
	raw = binary.AppendUvarint(raw, uint64(len(c.Records)))
	for i := range c.Records {
		r := &c.Records[i]
		raw = binary.AppendUvarint(raw, uint64(r.Seq-c.From))
		raw = binary.AppendVarint(raw, r.Received.UnixMilli())
		raw = binary.AppendUvarint(raw, uint64(r.Flags&carried))
		raw = appendBytes(raw, r.ID)
		raw = appendBytes(raw, r.Body)
	}
	b = append(append(b, magic...), Version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
	return encoder.EncodeAll(raw, b)
}

func appendBytes[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// probe is a body that is only the head: would the hub accept a chunk?
var probe = append([]byte(magic), Version, 0, 0, 0, 0)

// Proof returns the proof, for the answer to a body, that a relay has read all of it.
func Proof(body []byte) string {
	sum := sha256.Sum256(body)
	return "relay-" + hex.EncodeToString(sum[:8])
}

// RawLen returns the uncompressed length of a chunk, as its head states it. The error is
// ErrFormat or a *VersionError.
func RawLen(b []byte) (int, error) {
	switch {
	case len(b) < headLen || string(b[:len(magic)]) != magic:
		return 0, ErrFormat
	case b[len(magic)] != Version:
		return 0, &VersionError{int(b[len(magic)])}
	}
	return int(binary.LittleEndian.Uint32(b[len(magic)+1:])), nil
}

// read decodes a chunk of at most most uncompressed bytes. It uses room as far as that
// suffices, and the records that c has.
func (c *Chunk) read(b, room []byte, most int) error {
	n, err := RawLen(b)
	if err != nil {
		return err
	}
	if n > most {
		return ErrTooLarge
	}
	var head zstd.Header // checked first, so that a false size costs no memory
	if err := head.Decode(b[headLen:]); err != nil || head.HasFCS && head.FrameContentSize > uint64(n) {
		return ErrFormat
	}
	d, _ := decoders.Get().(*zstd.Decoder)
	if d == nil {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(most)+1<<10), zstd.WithDecoderLowmem(true))
		if err != nil {
			return fmt.Errorf("read chunk: %w", err)
		}
	}
	defer decoders.Put(d)
	if cap(room) < n {
		room = make([]byte, 0, n)
	}
	raw, err := d.DecodeAll(b[headLen:], room[:0])
	if err != nil || len(raw) != n {
		return ErrFormat
	}
	return c.parse(raw)
}

// ErrTooLarge means that a chunk is larger than the hub accepts.
var ErrTooLarge = errors.New("the chunk is over the size limit")

func (c *Chunk) parse(raw []byte) error {
	r := reader{b: raw}
	records := c.Records[:0]
	*c = Chunk{}
	copy(c.Epoch[:], r.next(len(c.Epoch)))
	if lane := r.next(1); len(lane) == 1 {
		c.Lane = Lane(lane[0])
	}
	c.From, c.To = queue.Seq(r.uint()), queue.Seq(r.uint())
	c.State.Waiting = int64(min(r.uint(), math.MaxInt64))
	if ms := r.int(); ms != 0 {
		c.State.Oldest = time.UnixMilli(ms).UTC()
	}
	c.State.Version = string(r.bytes())
	count := r.uint()
	if r.bad || c.Lane > Conflicts || c.From >= c.To || len(c.State.Version) > 64 || count > uint64(len(r.b)/leastBytes) {
		return ErrFormat
	}
	c.Records = slices.Grow(records, int(count))[:count]
	var ids []byte // of all records, so that one copy suffices
	ends := make([]int, count)
	next := c.From
	for i := range c.Records {
		at := r.uint()
		seq := c.From + queue.Seq(at)
		received, flags := r.int(), r.uint()
		id, body := r.bytes(), r.bytes()
		if r.bad || seq < next || seq >= c.To || at >= uint64(c.To) || len(id) == 0 || flags > math.MaxUint16 {
			return ErrFormat
		}
		ids = append(ids, id...)
		ends[i] = len(ids)
		c.Records[i] = queue.Record{Seq: seq, Received: time.UnixMilli(received).UTC(), Flags: queue.Flags(flags) & carried, Body: body}
		next = seq + 1
	}
	if len(r.b) != 0 {
		return ErrFormat
	}
	all, from := string(ids), 0
	for i, end := range ends {
		c.Records[i].ID, from = all[from:end], end
	}
	return nil
}

// reader reads the parts of a chunk. bad is set once a part could not be read.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) next(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	return r.next(int(n))
}
