package meta

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
	"relay/queue/local/internal/files"
	"relay/queue/local/internal/settled"
)

// Name is the name of the file.
const Name = "meta.db"

var (
	bucketLanes   = []byte("lanes")
	bucketSettled = []byte("settled")
	bucketNotes   = []byte("notes")
	bucketVoid    = []byte("void")
	bucketDir     = []byte("dir")
	buckets       = [][]byte{bucketLanes, bucketSettled, bucketNotes, bucketVoid, bucketDir}
	keyInfo       = []byte("info")
	keySecret     = []byte("secret")
	keySealed     = []byte("records")
)

// Info is the header of the directory. It can be read without the key.
type Info struct {
	Format int      `json:"format"`
	Keys   []uint32 `json:"keys"` // ids of the keys in use in the directory; 0: something is plain text
	Sum    uint32   `json:"sum"`  // files.FormatSum
}

// Void is the range [First, End) of a commit that failed or was in doubt.
type Void struct{ First, End queue.Seq }

// Check reads meta.db without trusting it and returns its info.
func Check(path string) (Info, error) {
	info := Info{}
	err := boltdb.ReadRetry(path, func(p *boltscan.File) error {
		return p.WalkAll(p.Metas()[0], buckets, func(bucket string, k, v []byte) error {
			if bucket == string(bucketDir) && string(k) == string(keyInfo) {
				if err := json.Unmarshal(v, &info); err != nil {
					return format.Damaged("info: %v", err)
				}
			}
			return nil
		})
	})
	if boltdb.Unreadable(err) {
		err = format.Damaged("cannot be read: %v", err)
	}
	if err == nil && info.Format == 0 {
		err = format.Damaged("meta.db has no format number")
	}
	if err == nil {
		err = files.KnownFormat(info.Format, info.Sum)
	}
	return info, err
}

// newInfo returns the Info of a new file. With others the directory contains files already,
// and the keys they use are unknown.
func newInfo(ring *seal.Ring, others bool) Info {
	info := Info{Format: files.Version, Sum: files.FormatSum(files.Version)}
	if cur := ring.Keys().Current(); cur != 0 {
		info.Keys = []uint32{cur}
		if others {
			info.Keys = []uint32{0, cur}
		}
	}
	return info
}

// write creates meta.db, or replaces it, with the contents c.
func write(o *Options, c *Content, info Info) error {
	fill := func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		for name, r := range c.Lanes {
			if err := putLane(tx, o.Ring, name, r, c.Settled[name], nil); err != nil {
				return err
			}
		}
		for k, val := range c.notes {
			if err := putRow(tx, o.Ring, bucketNotes, []byte(k), val); err != nil {
				return err
			}
		}
		for _, r := range c.voids {
			if err := putVoid(tx, o.Ring, r); err != nil {
				return err
			}
		}
		for num, n := range c.sealed {
			if err := putSealed(tx, o.Ring, num, n); err != nil {
				return err
			}
		}
		if err := putRow(tx, o.Ring, bucketDir, keySecret, c.Secret); err != nil {
			return err
		}
		return putInfo(tx, info)
	}
	return files.Place(o.path(), o.NoSync, func(tmp string) error { return boltdb.Create(tmp, o.NoSync, fill) })
}

// Content is all of meta.db.
type Content struct {
	Lanes   map[string]Lane
	Settled map[string][]*settled.Block // by lane
	Secret  []byte                      // of the id hashes
	Bad     int                         // number of damaged rows

	notes  map[string][]byte
	voids  []Void
	sealed map[uint64]int64 // records in sealed segments
}

func (s *Store) load() (Content, error) {
	c := Content{
		Lanes: make(map[string]Lane), Settled: make(map[string][]*settled.Block),
		notes: make(map[string][]byte), sealed: make(map[uint64]int64),
	}
	err := s.db.View(func(tx *bolt.Tx) error {
		each := func(bucket []byte, fn func(k, v []byte) error) error {
			b := tx.Bucket(bucket)
			if b == nil {
				return format.Damaged("meta.db has no bucket %s", bucket)
			}
			return b.ForEach(func(k, v []byte) error {
				plain, err := openRow(s.o.Ring, bucket, k, v)
				if err == nil {
					err = fn(k, plain)
				}
				if errors.Is(err, seal.ErrDamaged) {
					c.Bad++
					return nil
				}
				return err
			})
		}
		if err := each(bucketLanes, func(k, v []byte) error {
			r, err := decodeLane(v)
			if err == nil {
				c.Lanes[string(k)] = r
			}
			return err
		}); err != nil {
			return err
		}
		if err := each(bucketSettled, func(k, v []byte) error {
			if len(k) < 8 {
				return format.Damaged("key of a settled row")
			}
			b, err := settled.Decode(binary.BigEndian.Uint64(k), v)
			if err != nil {
				return format.Damaged("%v", err)
			}
			name := string(k[8:])
			c.Settled[name] = append(c.Settled[name], b)
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
				return format.Damaged("row of a void range")
			}
			c.voids = append(c.voids, Void{queue.Seq(binary.BigEndian.Uint64(k)), queue.Seq(binary.LittleEndian.Uint64(v))})
			return nil
		}); err != nil {
			return err
		}
		if v := tx.Bucket(bucketDir).Get(keySecret); v != nil {
			plain, err := openRow(s.o.Ring, bucketDir, keySecret, v)
			if err != nil && !errors.Is(err, seal.ErrDamaged) {
				return err
			}
			c.Secret = slices.Clone(plain)
		}
		return loadSealed(tx, s.o.Ring, c.sealed)
	})
	if err != nil {
		return c, fmt.Errorf("read meta.db: %w", err)
	}
	return c, nil
}
