package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"path/filepath"
	"testing"

	"relay/internal/seal"
	"relay/queue/local/internal/chunk"
)

// FuzzIDFile opens any bytes as a file of ids, with the checksum made right so that
// what lies behind it is reached. Nothing panics; a file that opens has as many rows
// as it says, all of them are found if they are sorted, and nothing is found that is
// not there.
func FuzzIDFile(f *testing.F) {
	seed := &idFile{path: filepath.Join(f.TempDir(), "seed"), first: 3, last: 4, oldest: 5, newest: 6}
	set := newIDSet(0)
	for i := range 300 {
		set.add(knownID{numbered(i), uint64(i)})
	}
	if err := seed.write(set.sorted(), true); err != nil {
		f.Fatal(err)
	}
	seed.f.Close()
	whole := readAll(f, seed.path)
	f.Add(whole)
	f.Add(whole[:idsHeader])
	f.Add(whole[:idsHeader+5*idRow])
	f.Add([]byte(idsMagic))
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint64(huge[40:], 300+1<<61) // times the length of a row it is the same
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<14 {
			return
		}
		b = bytes.Clone(b)
		if len(b) >= idsHeader {
			clear(b[12:16])
			binary.LittleEndian.PutUint32(b[12:], crc(b[:idsHeader]))
		}
		path := filepath.Join(t.TempDir(), "ids")
		put(t, path, b)
		file, err := openIDFile(path)
		if err != nil {
			if !errors.Is(err, errDamaged) && !errors.Is(err, ErrNewerFormat) {
				t.Error(err)
			}
			return
		}
		defer file.f.Close()
		rows := b[idsHeader:]
		if file.count != int64(len(rows)/idRow) || file.counted() < 0 || file.first > file.last {
			t.Fatalf("%d rows of %d bytes, %d of clients, of segments %d to %d", file.count, len(rows), file.counted(), file.first, file.last)
		}
		have, sorted := make(map[idHash][]knownID), true
		for at := 0; at < len(rows); at += idRow {
			id := idAt(rows[at:])
			have[id.hash] = append(have[id.hash], id)
			sorted = sorted && (at == 0 || compareIDs(rows[at-idRow:], rows[at:]) < 0)
		}
		for _, loaded := range []bool{false, true} {
			if loaded {
				if err := file.load(); err != nil {
					t.Fatal(err)
				}
			}
			asked := []idHash{{}, numbered(0), {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}}
			for h := range maps.Keys(have) {
				asked = append(asked, h)
			}
			for _, h := range asked {
				id, ok, err := file.get(h)
				if err != nil {
					t.Fatal(err)
				}
				is := false
				for _, k := range have[h] {
					is = is || k == id
				}
				if ok && !is || !ok && sorted && len(have[h]) > 0 {
					t.Fatalf("%x: found %v, it has %v", h, ok, have[h])
				}
			}
		}
	})
}

// FuzzMetaRow opens any bytes as a row of meta.db, with its checksum made right, and
// what it holds as a lane and as a summary. Nothing panics; what is read is written
// again as it was read.
func FuzzMetaRow(f *testing.F) {
	keys, err := seal.NewKeys(nil)
	if err != nil {
		f.Fatal(err)
	}
	ring := seal.NewRing(keys)
	lane := laneRow{Cursor: 7 << 32, Gen: 1 << 40, State: []byte("state"), Counts: map[string]int64{"delivered": 5, "dead:expired": -1}, Dropped: true}
	row := func(plain []byte) []byte {
		b, err := ring.Seal(nil, "meta", 0, rowBound(bucketLanes, []byte("a")), plain)
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	f.Add(row(lane.encode()))
	f.Add(row((&laneRow{}).encode()))
	f.Add(row([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}))
	sum := summary{Next: 9, Records: 5, Chunks: 2, Lanes: []chunk.Lane{{Name: "a", Count: 5, Last: 8}}}
	js, err := sum.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row(js[:len(js)-4]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		key := []byte("a")
		b := binary.LittleEndian.AppendUint32(bytes.Clone(sealed), crc(append(rowBound(bucketLanes, key), sealed...)))
		plain, err := openRow(ring, bucketLanes, key, b)
		if err != nil {
			if !errors.Is(err, errDamaged) && !errors.Is(err, ErrKey) {
				t.Error(err)
			}
			return
		}
		if _, err := openRow(ring, bucketNotes, key, b); !errors.Is(err, errDamaged) {
			t.Errorf("a row of another bucket: %v", err)
		}
		if l, err := decodeLane(plain); err == nil {
			again, err := decodeLane(l.encode())
			if err != nil || !bytes.Equal(again.encode(), l.encode()) || len(l.State) > len(plain) || len(l.Counts) > len(plain) {
				t.Errorf("%+v reads back as %+v, %v", l, again, err)
			}
		} else if !errors.Is(err, errDamaged) {
			t.Error(err)
		}
		if s, err := decodeSummary(binary.LittleEndian.AppendUint32(plain, crc(plain))); err == nil {
			b, err := s.encode()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := decodeSummary(b); err != nil || !again.same(&s) {
				t.Errorf("%+v reads back as %+v, %v", s, again, err)
			}
		}
	})
}
