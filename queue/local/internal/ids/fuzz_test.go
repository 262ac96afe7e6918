package ids

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"relay/internal/seal"
	"relay/queue/internal/format"
	"relay/queue/local/internal/age"
)

// FuzzIDFile opens arbitrary bytes as a file of ids, with the checksum corrected so that the
// code behind it is reached. Nothing panics. A file that opens has as many rows as its header
// says; if they are sorted all of them are found, and nothing else is.
func FuzzIDFile(f *testing.F) {
	seed := &file{path: filepath.Join(f.TempDir(), "seed"), first: 3, last: 4, oldest: age.Stamp{Ran: 5}, newest: age.Stamp{Ran: 6}}
	set := newSet(0)
	for i := range 300 {
		set.add(Known{numbered(i), uint64(i)})
	}
	if err := seed.write(set.sorted(), true); err != nil {
		f.Fatal(err)
	}
	seed.f.Close()
	whole, err := os.ReadFile(seed.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:header])
	f.Add(whole[:header+5*Row+4])
	f.Add([]byte(magic))
	huge := bytes.Clone(whole)
	binary.LittleEndian.PutUint64(huge[32:], 300+1<<61) // overflows to the same size when multiplied by the size of a row
	f.Add(huge)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<14 {
			return
		}
		b = bytes.Clone(b)
		if len(b) >= header {
			clear(b[12:16])
			binary.LittleEndian.PutUint32(b[12:], format.CRC(b[:header]))
		}
		for rows := b[min(header, len(b)):]; len(rows) > 4; rows = rows[min(len(rows), blockLen):] {
			block := rows[:min(len(rows), blockLen)]
			binary.LittleEndian.PutUint32(block[len(block)-4:], format.CRC(block[:len(block)-4]))
		}
		path := filepath.Join(t.TempDir(), "ids")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := openFile(path)
		if err != nil {
			if !errors.Is(err, seal.ErrDamaged) && !errors.Is(err, format.ErrNewer) {
				t.Error(err)
			}
			return
		}
		defer file.f.Close()
		var rows []byte
		for block := range slices.Chunk(b[header:], blockLen) {
			rows = append(rows, block[:len(block)-4]...)
		}
		if file.count != int64(len(rows)/Row) || file.counted() < 0 || file.first > file.last {
			t.Fatalf("%d rows of %d bytes, %d of clients, of segments %d to %d", file.count, len(rows), file.counted(), file.first, file.last)
		}
		have, sorted := make(map[Hash][]Known), true
		for at := 0; at < len(rows); at += Row {
			id := rowAt(rows[at:])
			have[id.Hash] = append(have[id.Hash], id)
			sorted = sorted && (at == 0 || compare(rows[at-Row:], rows[at:]) < 0)
		}
		for _, loaded := range []bool{false, true} {
			if loaded {
				if err := file.load(); err != nil {
					t.Fatal(err)
				}
			}
			asked := []Hash{{}, numbered(0), {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}}
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
					t.Fatalf("%x: found %v, in the file: %v", h, ok, have[h])
				}
			}
		}
	})
}
