package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"

	bolt "go.etcd.io/bbolt"

	"relay/internal/logs"
	"relay/internal/seal"
)

// meta.db notes how many records a sealed segment holds: when all of one is
// destroyed nothing else knows how many were lost.

var keySealed = []byte("records")

func sealedKey(num uint64) []byte { return binary.BigEndian.AppendUint64(bytes.Clone(keySealed), num) }

func putSealed(tx *bolt.Tx, ring *seal.Ring, num uint64, records int64) error {
	return putRow(tx, ring, bucketDir, sealedKey(num), binary.LittleEndian.AppendUint64(nil, uint64(records)))
}

func loadSealed(tx *bolt.Tx, ring *seal.Ring, into map[uint64]int64) error {
	c := tx.Bucket(bucketDir).Cursor()
	for k, b := c.Seek(keySealed); bytes.HasPrefix(k, keySealed); k, b = c.Next() {
		plain, err := openRow(ring, bucketDir, k, b)
		if errors.Is(err, errDamaged) || err == nil && (len(plain) != 8 || len(k) != len(keySealed)+8) {
			continue // a loss is then reported without its number
		}
		if err != nil {
			return err
		}
		into[binary.BigEndian.Uint64(k[len(keySealed):])] = int64(binary.LittleEndian.Uint64(plain))
	}
	return nil
}

// noteSealed keeps in meta.db how many records each sealed segment holds.
func (q *Queue) noteSealed() {
	q.mu.Lock()
	set, gone := make(map[uint64]int64), maps.Clone(q.sealed)
	for _, s := range q.segs {
		delete(gone, s.num)
		if n, ok := q.sealed[s.num]; s.sealed && (!ok || n != s.sum.Records) {
			set[s.num] = s.sum.Records
		}
	}
	q.mu.Unlock()
	if len(set) == 0 { // those that are gone go with the next
		return
	}
	err := q.meta.update(func(tx *bolt.Tx) error {
		for num := range gone {
			if err := tx.Bucket(bucketDir).Delete(sealedKey(num)); err != nil {
				return err
			}
		}
		for num, n := range set {
			if err := putSealed(tx, q.ring, num, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		q.o.Logger.Warn("cannot note how many records a segment holds", "code", logs.SegmentNotCounted, "err", err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	maps.Copy(q.sealed, set)
	for num := range gone {
		delete(q.sealed, num)
	}
}
