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
	// Path is where a hub takes chunks.
	Path = "/v1/forward"
	// ContentType is that of a chunk.
	ContentType = "application/x-relay-forward"
	// Version is the format that is written, and the only one that is read.
	Version = 1

	magic      = "relayfwd"
	headLen    = len(magic) + 1 + 4
	leastBytes = 5 // of a record
)

// Lane says what the records of a chunk are.
type Lane uint8

// The lanes that are handed over.
const (
	Events    Lane = iota // usable events
	Refused               // messages that can never become a conversion
	Conflicts             // events whose id is that of another event at the edge
)

// carried are the flags that say something of how an event came.
const carried = queue.FlagImported | queue.FlagTooLarge | queue.FlagRedriven | queue.FlagMerged | queue.FlagRepeated | queue.FlagNaN

// ErrFormat says that a body is no chunk.
var ErrFormat = errors.New("the body is no chunk of a relay's log")

// VersionError says that a chunk is of a version that is not read here.
type VersionError struct{ Version int }

func (e *VersionError) Error() string {
	return fmt.Sprintf("chunks of version %d are not read here, only of version %d", e.Version, Version)
}

// Epoch names one opening of an edge's log.
type Epoch [16]byte

// Chunk is what an edge hands over at once.
type Chunk struct {
	Epoch    Epoch
	Lane     Lane
	From, To queue.Seq
	State    State
	Records  []queue.Record // only Seq, ID, Received, Flags and Body
}

// State is what an edge says of itself.
type State struct {
	Waiting int64     `json:"waiting"` // records, those of the chunk among them
	Oldest  time.Time `json:"oldest,omitzero"`
	Version string    `json:"version"`
}

// decoders are kept for the next chunk; the bound of all is the same, since a hub has one.
var decoders sync.Pool

// A codec is safe for concurrent use by EncodeAll and DecodeAll.
var encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// Append appends the chunk as it goes over the network.
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

// probe is a body of the head alone: it asks whether a chunk would be taken.
var probe = append([]byte(magic), Version, 0, 0, 0, 0)

// Proof is what the answer to a body shows: that a relay has read all of it.
func Proof(body []byte) string {
	sum := sha256.Sum256(body)
	return "relay-" + hex.EncodeToString(sum[:8])
}

// RawLen is how long a chunk is unpacked, by its own word; ErrFormat or a
// *VersionError.
func RawLen(b []byte) (int, error) {
	switch {
	case len(b) < headLen || string(b[:len(magic)]) != magic:
		return 0, ErrFormat
	case b[len(magic)] != Version:
		return 0, &VersionError{int(b[len(magic)])}
	}
	return int(binary.LittleEndian.Uint32(b[len(magic)+1:])), nil
}

// read reads a chunk, which may have most bytes unpacked, into room as far as that is
// enough and into the records that c has.
func (c *Chunk) read(b, room []byte, most int) error {
	n, err := RawLen(b)
	if err != nil {
		return err
	}
	if n > most {
		return ErrTooLarge
	}
	var head zstd.Header // what it claims is refused before it costs anything
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

// ErrTooLarge says that a chunk is larger than the hub takes.
var ErrTooLarge = errors.New("the chunk is over the size limit")

func (c *Chunk) parse(raw []byte) error {
	r := reader{b: raw}
	records := c.Records[:0]
	*c = Chunk{}
	copy(c.Epoch[:], r.take(len(c.Epoch)))
	if lane := r.take(1); len(lane) == 1 {
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
	var ids []byte // all of them, for one copy
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

// reader reads what appendBytes and its like wrote; bad says that something was not.
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

func (r *reader) take(n int) []byte {
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
	return r.take(int(n))
}
