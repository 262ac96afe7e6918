package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"

	"relay/internal/disk"
	"relay/internal/logs"
	"relay/internal/seal"
)

// meta.db notes how many records a sealed segment holds: when all of one is
// destroyed nothing else knows how many were lost. Invariant: a segment that is
// unlinked loses its note before, so that a note without a segment is a loss.

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
	q.noting.Lock()
	defer q.noting.Unlock()
	q.mu.Lock()
	set, gone := make(map[uint64]int64), maps.Clone(q.sealed)
	for _, s := range q.segs {
		delete(gone, s.num)
		if n, ok := q.sealed[s.num]; s.sealed && (!ok || n != s.sum.Records) {
			set[s.num] = s.sum.Records
		}
	}
	q.mu.Unlock()
	if len(set) == 0 && len(gone) == 0 {
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

// forgetSealed removes the notes of segments that are about to be unlinked. false:
// it could not. The caller holds q.noting.
func (q *Queue) forgetSealed(segs ...*segment) bool {
	var nums []uint64
	q.mu.Lock()
	for _, s := range segs {
		if _, ok := q.sealed[s.num]; ok {
			nums = append(nums, s.num)
		}
	}
	q.mu.Unlock()
	if len(nums) == 0 {
		return true
	}
	err := q.meta.update(func(tx *bolt.Tx) error {
		for _, num := range nums {
			if err := tx.Bucket(bucketDir).Delete(sealedKey(num)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		q.o.Logger.Warn("cannot note that a segment goes", "code", logs.SegmentNotCounted, "err", err)
		return disk.NoSpace(err) // the segment's room is worth more than its note
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, num := range nums {
		delete(q.sealed, num)
	}
	return true
}

// findMissing reports the segments of which there is a note and no file, once.
// names are those of the directory.
func (q *Queue) findMissing(names []string) {
	for _, num := range slices.Sorted(maps.Keys(q.sealed)) {
		is := func(n string) bool { // one that was set aside whole is reported already
			of, ok := segNum(n)
			return ok && of == num && (n[16:] == segSuffix || strings.HasPrefix(n[16:], segSuffix) && strings.HasSuffix(n, badSuffix))
		}
		if slices.ContainsFunc(names, is) {
			continue
		}
		q.lastNum = max(q.lastNum, num) // what lanes have settled of it must not be said of another
		q.missing(num, q.sealed[num])
		if !q.readOnly {
			q.noting.Lock()
			q.forgetSealed(&segment{num: num})
			q.noting.Unlock()
		}
	}
}

// missing counts a segment as lost whose file is not there, though it was not
// unlinked. Of its ids none stays known: the copy that a sender repeats is the only
// one of an event that waited there.
func (q *Queue) missing(num uint64, records int64) {
	q.mu.Lock()
	q.count.LostRecords += records
	q.count.BadChunks++
	q.mu.Unlock()
	q.o.Logger.Error("the file of a segment is missing: what waited in it is lost", "code", logs.SegmentMissing,
		"segment", filepath.Base(segPath(q.dir, num)), "records", records)
	if q.readOnly {
		return
	}
	if err := q.ids.salvaged(num, nil); err != nil {
		q.o.Logger.Warn("message ids of lost records stay known", "code", logs.IDsOfLostRecords, "err", err)
	}
}
