package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/queue"
	"relay/queue/internal/chunk"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/files"
)

const (
	// Suffix ends the name of a segment file.
	Suffix = ".seg"
	// TmpSuffix follows the name of a segment file whose replacement is being written (Write).
	TmpSuffix = ".tmp"

	pieceSize  = 1980 // two to a page: bbolt rewrites whole pages
	smallPiece = 480
)

var (
	bucketInfo = []byte("relay")
	bucketLog  = []byte("log")
	keySegment = []byte("segment")
	keySummary = []byte("summary")
)

// Info is the header of a segment file. It can be read without the key.
type Info struct {
	Format  int       `json:"format"`
	Segment uint64    `json:"segment"`
	Created time.Time `json:"created"`
	Sum     uint32    `json:"sum"`    // files.FormatSum
	Secret  []byte    `json:"secret"` // of the id hashes, encrypted when there is a key
}

// NewInfo returns the header of a file that is created now.
func NewInfo(num uint64, now time.Time, secret []byte) Info {
	return Info{Format: files.Version, Sum: files.FormatSum(files.Version), Segment: num, Created: now.UTC(), Secret: secret}
}

// Path returns the path of a segment file.
func Path(dir string, num uint64) string { return files.Path(dir, num, Suffix) }

func pieceKey(seq queue.Seq, piece int) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 10), uint64(seq))
	return binary.BigEndian.AppendUint16(b, uint16(piece))
}

func splitKey(k []byte) (queue.Seq, int, bool) {
	if len(k) != 10 {
		return 0, 0, false
	}
	return queue.Seq(binary.BigEndian.Uint64(k)), int(binary.BigEndian.Uint16(k[8:])), true
}

// Create creates an empty segment. Once it has its name it is complete on disk.
func Create(dir string, info Info, noSync bool) error {
	return files.Place(Path(dir, info.Segment), noSync, func(tmp string) error { return create(tmp, info, noSync) })
}

func create(path string, info Info, noSync bool) error {
	head, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode segment header: %w", err)
	}
	return boltdb.Create(path, noSync, func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucketInfo)
		if err != nil {
			return err
		}
		if err := b.Put(keySegment, head); err != nil {
			return err
		}
		_, err = tx.CreateBucketIfNotExists(bucketLog)
		return err
	})
}

// Chunk is an encoded chunk.
type Chunk struct {
	Header chunk.Header
	Data   []byte
}

func putChunks(tx *bolt.Tx, chunks []Chunk) error {
	b := tx.Bucket(bucketLog)
	b.FillPercent = 1
	for _, c := range chunks {
		if err := putPieces(b, c.Header.First, c.Data); err != nil {
			return err
		}
	}
	return nil
}

// putPieces stores an encoded chunk. A small one (a commit of one or two events) is
// stored in small pieces, since bbolt leaves a page half empty if fewer than four values
// fit into it.
func putPieces(b *bolt.Bucket, first queue.Seq, data []byte) error {
	size := pieceSize
	if len(data) < pieceSize {
		size = smallPiece
	}
	for i := 0; len(data) > 0; i++ {
		n := min(len(data), size)
		if i > 0xffff {
			return fmt.Errorf("chunk of %d bytes: %w", len(data), queue.ErrInvalid)
		}
		if err := b.Put(pieceKey(first, i), data[:n:n]); err != nil {
			return fmt.Errorf("put chunk: %w", err)
		}
		data = data[n:]
	}
	return nil
}
