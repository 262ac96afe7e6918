package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/settled"
)

const metaName = "meta.db"

var (
	bucketLanes   = []byte("lanes")   // name: laneRow
	bucketSettled = []byte("settled") // number of a block u64, big-endian · name of its lane: settled.Block
	bucketNotes   = []byte("notes")   // key: value
	bucketVoid    = []byte("void")    // first sequence u64, big-endian: end u64
	bucketDir     = []byte("dir")     // "info": metaInfo; "secret"; "records" and number of a sealed segment u64: records in it u64
	keyInfo       = []byte("info")
	keySecret     = []byte("secret")
	metaBuckets   = [][]byte{bucketLanes, bucketSettled, bucketNotes, bucketVoid, bucketDir}
)

// metaInfo says what the directory is. It can be read without the key.
type metaInfo struct {
	Format int      `json:"format"`
	Keys   []uint32 `json:"keys"` // ids of keys something in the directory is sealed with
	Sum    uint32   `json:"sum"`  // formatSum: a flipped bit is not a newer format
}

// voidRange is [first, end) of sequence numbers whose commit was in doubt.
type voidRange struct{ first, end Seq }

func metaOptions(noSync bool) *bolt.Options {
	// The free list is not written: nothing that was not read before it is
	// trusted (checkMeta) decides which pages are written over.
	return &bolt.Options{NoSync: noSync, NoFreelistSync: true, FreelistType: bolt.FreelistMapType, NoStatistics: true, Timeout: time.Second}
}

// checkMeta reads meta.db without trusting it and returns its info.
func checkMeta(path string) (metaInfo, error) {
	info := metaInfo{}
	err := readAgain(path, func(p *boltscan.File) error {
		return p.WalkAll(p.Metas()[0], metaBuckets, func(bucket string, k, v []byte) error {
			if bucket == string(bucketDir) && string(k) == string(keyInfo) {
				if err := json.Unmarshal(v, &info); err != nil {
					return files.Damaged("info: %v", err)
				}
			}
			return nil
		})
	})
	if unreadable(err) {
		err = files.Damaged("cannot be read: %v", err)
	}
	if err == nil && info.Format == 0 {
		err = files.Damaged("meta.db says no format")
	}
	if err == nil {
		err = files.KnownFormat(info.Format, info.Sum)
	}
	return info, err
}

// makeMeta makes meta.db. With others there are files already whose keys nobody
// remembers.
func makeMeta(dir string, ring *seal.Ring, secret []byte, others, noSync bool) error {
	info := metaInfo{Format: files.Version, Sum: files.FormatSum(files.Version)}
	if cur := ring.Keys().Current(); cur != 0 {
		info.Keys = []uint32{cur}
		if others {
			info.Keys = []uint32{0, cur}
		}
	}
	return writeMeta(dir, ring, metaContent{secret: secret}, info, noSync)
}

// writeMeta makes meta.db, or replaces it, with c in it.
func writeMeta(dir string, ring *seal.Ring, c metaContent, info metaInfo, noSync bool) error {
	fill := func(tx *bolt.Tx) error {
		for _, name := range metaBuckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		for name, r := range c.lanes {
			if err := putLane(tx, ring, name, r, c.settled[name], nil); err != nil {
				return err
			}
		}
		for k, val := range c.notes {
			if err := putRow(tx, ring, bucketNotes, []byte(k), val); err != nil {
				return err
			}
		}
		for _, r := range c.voids {
			if err := putVoid(tx, ring, r); err != nil {
				return err
			}
		}
		for num, n := range c.sealed {
			if err := putSealed(tx, ring, num, n); err != nil {
				return err
			}
		}
		if err := putRow(tx, ring, bucketDir, keySecret, c.secret); err != nil {
			return err
		}
		return putInfo(tx, info)
	}
	return files.Place(filepath.Join(dir, metaName), noSync, func(tmp string) error { return fillBolt(tmp, noSync, fill) })
}

// loadMeta opens meta.db, which it has read without trusting it before, and
// reads all of it. errDamaged: it is of no use.
func loadMeta(dir string, ring *seal.Ring, readOnly, noSync bool) (*metaStore, metaContent, error) {
	if _, err := checkMeta(filepath.Join(dir, metaName)); err != nil {
		return nil, metaContent{}, err
	}
	m, err := openMeta(dir, ring, readOnly, noSync)
	if err != nil {
		return nil, metaContent{}, err
	}
	c, err := m.load()
	if err != nil {
		_ = m.db.Close()
		return nil, metaContent{}, err
	}
	return m, c, nil
}

// metaContent is all of meta.db.
type metaContent struct {
	lanes   map[string]laneRow
	settled map[string][]*settled.Block // by lane
	notes   map[string][]byte
	voids   []voidRange
	secret  []byte
	sealed  map[uint64]int64 // records in sealed segments
	bad     int              // rows that were damaged
}

func (m *metaStore) load() (metaContent, error) {
	c := metaContent{
		lanes: make(map[string]laneRow), settled: make(map[string][]*settled.Block),
		notes: make(map[string][]byte), sealed: make(map[uint64]int64),
	}
	err := m.db.View(func(tx *bolt.Tx) error {
		each := func(bucket []byte, fn func(k, v []byte) error) error {
			b := tx.Bucket(bucket)
			if b == nil {
				return files.Damaged("meta.db lacks %s", bucket)
			}
			return b.ForEach(func(k, v []byte) error {
				plain, err := openRow(m.ring, bucket, k, v)
				if err == nil {
					err = fn(k, plain)
				}
				if errors.Is(err, errDamaged) {
					c.bad++
					return nil
				}
				return err
			})
		}
		if err := each(bucketLanes, func(k, v []byte) error {
			r, err := decodeLane(v)
			if err == nil {
				c.lanes[string(k)] = r
			}
			return err
		}); err != nil {
			return err
		}
		if err := each(bucketSettled, func(k, v []byte) error {
			if len(k) < 8 {
				return files.Damaged("settled row")
			}
			b, err := settled.Decode(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return files.Damaged("%v", err)
			}
			name := string(k[8:])
			c.settled[name] = append(c.settled[name], b)
			return nil
		}); err != nil {
			return err
		}
		if err := each(bucketNotes, func(k, v []byte) error {
			c.notes[string(k)] = slices.Clone(v)
			return nil
		}); err != nil {
			return err
		}
		if err := each(bucketVoid, func(k, v []byte) error {
			if len(k) != 8 || len(v) != 8 {
				return files.Damaged("void range")
			}
			c.voids = append(c.voids, voidRange{Seq(binary.BigEndian.Uint64(k)), Seq(binary.LittleEndian.Uint64(v))})
			return nil
		}); err != nil {
			return err
		}
		if v := tx.Bucket(bucketDir).Get(keySecret); v != nil {
			plain, err := openRow(m.ring, bucketDir, keySecret, v)
			if err != nil && !errors.Is(err, errDamaged) {
				return err
			}
			c.secret = slices.Clone(plain)
		}
		return loadSealed(tx, m.ring, c.sealed)
	})
	if err != nil {
		return c, fmt.Errorf("read meta.db: %w", err)
	}
	return c, nil
}

// saveVoids puts the ranges in doubt on record.
func (q *Queue) saveVoids() error {
	q.mu.Lock()
	voids := slices.Clone(q.voids)
	saved := q.voidsSaved
	q.mu.Unlock()
	if len(voids) == saved {
		return nil
	}
	err := q.meta.update(func(tx *bolt.Tx) error {
		for _, v := range voids[saved:] {
			if err := putVoid(tx, q.ring, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	q.mu.Lock()
	q.voidsSaved = len(voids)
	q.mu.Unlock()
	return nil
}

// SetNote keeps a small value under key, durably; nil removes it. The
// value is sealed when there is a key.
func (q *Queue) SetNote(key string, val []byte) error {
	if q.readOnly {
		return ErrReadOnly
	}
	val = slices.Clone(val)
	err := q.bounded("note "+key, func() error {
		return q.meta.update(func(tx *bolt.Tx) error {
			if val == nil {
				return tx.Bucket(bucketNotes).Delete([]byte(key))
			}
			return putRow(tx, q.ring, bucketNotes, []byte(key), val)
		})
	})
	if err != nil {
		return fmt.Errorf("set note: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if val == nil {
		delete(q.notes, key)
	} else {
		q.notes[key] = val
	}
	return nil
}

// Note gives the value kept under key, nil when there is none.
func (q *Queue) Note(key string) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.notes[key])
}
