package meta

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"relay/internal/seal"
	"relay/queue/internal/format"
)

// FuzzRow reads arbitrary bytes as a row of meta.db, with the checksum corrected, and its
// value as a lane. Nothing panics, and what is read encodes to itself.
func FuzzRow(f *testing.F) {
	keys, err := seal.NewKeys(nil)
	if err != nil {
		f.Fatal(err)
	}
	ring := seal.NewRing(keys)
	lane := Lane{Cursor: 7 << 32, Gen: 1 << 40, State: []byte("state"), Counts: map[string]int64{"delivered": 5, "dead:expired": -1}, Dropped: true}
	row := func(plain []byte) []byte {
		b, err := ring.Seal(nil, "meta", 0, rowBound(bucketLanes, []byte("a")), plain)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(row(lane.encode()))
	f.Add(row((&Lane{}).encode()))
	f.Add(row([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		key := []byte("a")
		b := binary.LittleEndian.AppendUint32(bytes.Clone(sealed), format.CRC(append(rowBound(bucketLanes, key), sealed...)))
		plain, err := openRow(ring, bucketLanes, key, b)
		if err != nil {
			if !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, seal.ErrKey) {
				t.Error(err)
			}
			return
		}
		if _, err := openRow(ring, bucketNotes, key, b); !errors.Is(err, seal.ErrDamaged) {
			t.Errorf("a row of another bucket: %v", err)
		}
		if l, err := decodeLane(plain); err == nil {
			again, err := decodeLane(l.encode())
			if err != nil || !bytes.Equal(again.encode(), l.encode()) || len(l.State) > len(plain) || len(l.Counts) > len(plain) {
				t.Errorf("%+v reads back as %+v, %v", l, again, err)
			}
		} else if !errors.Is(err, seal.ErrDamaged) {
			t.Error(err)
		}
	})
}
