package segment

import (
	"fmt"
	"os"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/queue/internal/chunk"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/files"
)

// Write calls fill to write the chunks of a new sealed segment under the temporary name
// for path, and returns its summary. size is how large the file can become.
func Write(path string, info Info, size int64, noSync bool, fill func(put func(h *chunk.Header, data []byte) error) error) (sum Summary, err error) {
	tmp := path + TmpSuffix
	if err := files.Remove(tmp); err != nil {
		return sum, err
	}
	if err := create(tmp, info, true); err != nil {
		return sum, err
	}
	db, err := boltdb.Open(tmp, tailOptions(size))
	if err != nil {
		return sum, fmt.Errorf("write segment: %w", err)
	}
	defer func() { _ = db.Close() }()
	var waiting []Chunk
	n := 0
	flush := func() error {
		err := db.Update(func(tx *bolt.Tx) error { return putChunks(tx, waiting) })
		waiting, n = waiting[:0], 0
		return err
	}
	err = fill(func(h *chunk.Header, data []byte) error {
		sum.Add(h)
		waiting = append(waiting, Chunk{Header: *h, Data: slices.Clone(data)})
		if n += len(data); n > 1<<20 {
			return flush()
		}
		return nil
	})
	if err == nil {
		err = flush()
	}
	var b []byte
	if err == nil {
		b, err = sum.encode()
	}
	if err == nil {
		err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketInfo).Put(keySummary, b) })
	}
	var used int64
	if err == nil {
		used, err = db.Size()
	}
	if err == nil && !noSync {
		err = db.Sync()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = files.Truncate(tmp, used)
	}
	if err != nil {
		os.Remove(tmp)
		return sum, fmt.Errorf("write segment: %w", err)
	}
	return sum, nil
}
