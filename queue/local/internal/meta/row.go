package meta

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/internal/varint"
	"relay/queue/local/internal/settled"
)

// Lane is a lane as stored in meta.db.
type Lane struct {
	Cursor  queue.Seq
	Gen     uint64 // number of the last settlement
	Last    uint64 // id of the last settlement; 0: none
	State   []byte
	Counts  map[string]int64
	Dropped bool
}

// settledKey orders the blocks of all lanes by their position in the log.
func settledKey(num uint64, lane string) []byte {
	return append(binary.BigEndian.AppendUint64(nil, num), lane...)
}

// putLane stores a lane and the changes to its settled blocks.
func putLane(tx *bolt.Tx, ring *seal.Ring, name string, r Lane, put []*settled.Block, gone []uint64) error {
	for _, num := range gone {
		if err := tx.Bucket(bucketSettled).Delete(settledKey(num, name)); err != nil {
			return err
		}
	}
	for _, b := range put {
		if err := putRow(tx, ring, bucketSettled, settledKey(b.Num(), name), b.Encode()); err != nil {
			return err
		}
	}
	return putRow(tx, ring, bucketLanes, []byte(name), r.encode())
}

func putVoid(tx *bolt.Tx, ring *seal.Ring, r Void) error {
	k := binary.BigEndian.AppendUint64(nil, uint64(r.First))
	return putRow(tx, ring, bucketVoid, k, binary.LittleEndian.AppendUint64(nil, uint64(r.End)))
}

// putRow stores a value, encrypted and with its checksum.
func putRow(tx *bolt.Tx, ring *seal.Ring, bucket, key, val []byte) error {
	sealed, err := ring.Seal(nil, "meta", 0, rowBound(bucket, key), val)
	if err != nil {
		return err
	}
	sum := format.CRC(append(rowBound(bucket, key), sealed...))
	return tx.Bucket(bucket).Put(key, binary.LittleEndian.AppendUint32(sealed, sum))
}

func rowBound(bucket, key []byte) []byte {
	return slices.Concat(bucket, []byte{0}, key)
}

func openRow(ring *seal.Ring, bucket, key, b []byte) ([]byte, error) {
	if len(b) < 8 {
		return nil, format.Damaged("row is cut short")
	}
	b, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if format.CRC(append(rowBound(bucket, key), b...)) != sum {
		return nil, format.Damaged("wrong checksum of a row")
	}
	return ring.Open("meta", 0, rowBound(bucket, key), b)
}

func (r *Lane) encode() []byte {
	b := []byte{1}
	if r.Dropped {
		b[0] |= 2
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Cursor))
	b = binary.AppendUvarint(b, r.Gen)
	b = binary.AppendUvarint(b, r.Last)
	b = binary.AppendUvarint(b, uint64(len(r.State)))
	b = append(b, r.State...)
	for _, k := range slices.Sorted(maps.Keys(r.Counts)) {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
		b = binary.AppendVarint(b, r.Counts[k])
	}
	return b
}

func decodeLane(b []byte) (Lane, error) {
	if len(b) < 9 || b[0]&1 == 0 {
		return Lane{}, format.Damaged("lane row")
	}
	r := Lane{Dropped: b[0]&2 != 0, Cursor: queue.Seq(binary.LittleEndian.Uint64(b[1:])), Counts: make(map[string]int64)}
	rd := varint.NewReader(b[9:])
	r.Gen, r.Last = rd.Uint(), rd.Uint()
	r.State = slices.Clone(rd.Bytes())
	for rd.Len() > 0 {
		k := string(rd.Bytes())
		r.Counts[k] = rd.Int()
	}
	if rd.Bad() {
		return Lane{}, format.Damaged("lane row")
	}
	return r, nil
}

// meta.db stores how many records a sealed segment holds. If the segment is destroyed
// completely, nothing else tells how many were lost.

func sealedKey(num uint64) []byte { return binary.BigEndian.AppendUint64(bytes.Clone(keySealed), num) }

func putSealed(tx *bolt.Tx, ring *seal.Ring, num uint64, records int64) error {
	return putRow(tx, ring, bucketDir, sealedKey(num), binary.LittleEndian.AppendUint64(nil, uint64(records)))
}

func loadSealed(tx *bolt.Tx, ring *seal.Ring, into map[uint64]int64) error {
	c := tx.Bucket(bucketDir).Cursor()
	for k, b := c.Seek(keySealed); bytes.HasPrefix(k, keySealed); k, b = c.Next() {
		plain, err := openRow(ring, bucketDir, k, b)
		if errors.Is(err, seal.ErrDamaged) || err == nil && (len(plain) != 8 || len(k) != len(keySealed)+8) {
			continue // a loss is then reported without a number
		}
		if err != nil {
			return err
		}
		into[binary.BigEndian.Uint64(k[len(keySealed):])] = int64(binary.LittleEndian.Uint64(plain))
	}
	return nil
}

func putInfo(tx *bolt.Tx, info Info) error {
	js, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode info: %w", err)
	}
	return tx.Bucket(bucketDir).Put(keyInfo, js)
}
