package segment

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"relay/queue"
	"relay/queue/local/internal/boltdb"
	"relay/queue/local/internal/boltscan"
)

func TestPieceKey(t *testing.T) {
	var last []byte
	for _, c := range []struct {
		seq   queue.Seq
		piece int
	}{{0, 0}, {0, 1}, {0, 0xffff}, {1, 0}, {num << 32, 3}, {1<<64 - 1, 0xffff}} {
		k := pieceKey(c.seq, c.piece)
		if seq, piece, ok := splitKey(k); !ok || seq != c.seq || piece != c.piece {
			t.Errorf("key of %x, %d splits into %x, %d, %v", uint64(c.seq), c.piece, uint64(seq), piece, ok)
		}
		if bytes.Compare(last, k) >= 0 {
			t.Errorf("key of %x, %d does not sort after the previous one", uint64(c.seq), c.piece)
		}
		last = k
	}
	for _, n := range []int{0, 9, 11} {
		if _, _, ok := splitKey(make([]byte, n)); ok {
			t.Errorf("%d bytes are a key", n)
		}
	}
}

// A piece can have several copies, of which some are stale or unreadable. A chunk is found if
// a single piece needs a copy other than the first.
func TestAssemble(t *testing.T) {
	c := chunksOf(t, 3, 2)[1]
	first := c.Header.First
	var file []byte
	add := func(data []byte) place {
		file = append(file, data...)
		return place{int64(len(file) - len(data)), len(data)}
	}
	stale := func(data []byte) []byte { return bytes.Repeat([]byte{7}, len(data)) }
	a, b := c.Data[:len(c.Data)/2], c.Data[len(c.Data)/2:]
	pa, pb := add(a), add(b)
	sa, sb := add(stale(a)), add(stale(b))
	beyond := place{1 << 40, len(a)}
	for _, tc := range []struct {
		name   string
		pieces copies
		want   bool
	}{
		{"one copy each", copies{0: {pa}, 1: {pb}}, true},
		{"first copy stale", copies{0: {sa, pa}, 1: {pb}}, true},
		{"first copy unreadable", copies{0: {beyond, pa}, 1: {pb}}, true},
		{"second of three copies", copies{0: {pa}, 1: {sb, pb, sb}}, true},
		{"no intact copy", copies{0: {pa}, 1: {sb}}, false},
		{"first piece missing", copies{1: {pb}}, false},
		{"last piece missing", copies{0: {pa}}, false},
		{"trailing stale piece", copies{0: {pa}, 1: {pb}, 2: {sa}}, true},
		{"none", nil, false},
	} {
		p, err := boltscan.New(bytes.NewReader(file), int64(len(file)))
		if !errors.Is(err, boltscan.ErrDamaged) {
			t.Fatal(err)
		}
		f := &Found{p, map[queue.Seq]copies{first: tc.pieces}}
		data, h, _, ok := f.assemble(first)
		if ok != tc.want || ok && (!bytes.Equal(data, c.Data) || h.First != first) {
			t.Errorf("%s: found %v, %d bytes of %d", tc.name, ok, len(data), len(c.Data))
		}
		f.pieces = map[queue.Seq]copies{first + 1: tc.pieces}
		if _, _, _, ok := f.assemble(first + 1); ok {
			t.Errorf("%s: found under another number", tc.name)
		}
	}
}

// The chunks of an intact tail begin with those under its older meta page. If they do not, the
// tail is torn.
func TestStartsWith(t *testing.T) {
	s, _ := tail(t, chunksOf(t, 0, 3))
	const a, b, c = num << 32, num<<32 + 3, num<<32 + 6
	if err := boltdb.Read(s.Path, func(p *boltscan.File) error {
		if len(p.Metas()) != 2 {
			t.Fatalf("%d meta pages", len(p.Metas()))
		}
		for _, tc := range []struct {
			all  []queue.Seq
			meta int // 0: all three chunks; 1: the first two
			want bool
		}{
			{[]queue.Seq{a, b, c}, 0, true},
			{[]queue.Seq{a, b, c}, 1, true},
			{[]queue.Seq{a, b}, 1, true},
			{[]queue.Seq{a, b}, 0, false},
			{[]queue.Seq{a}, 1, false},
			{[]queue.Seq{a, c}, 1, false},
			{nil, 1, false},
		} {
			if got := startsWith(tc.all, p, p.Metas()[tc.meta]); got != tc.want {
				t.Errorf("%x, meta page %d: %v, want %v", tc.all, tc.meta, got, tc.want)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A commit that fits into space allocated before does not make the file grow.
func TestFillAndGrowth(t *testing.T) {
	s, _ := tail(t, nil)
	for _, n := range []int64{1, 4 << 10, 100 << 10} {
		if got := s.Growth(n); got < 0 || got == 0 && n > s.filled {
			t.Errorf("%d bytes: growth %d", n, got)
		}
		if err := s.fill(n); err != nil {
			t.Fatal(err)
		}
		if s.filled == 0 {
			t.Skip("space is not allocated ahead on this system")
		}
		if got := s.Growth(n); got != 0 {
			t.Errorf("%d bytes: growth %d after fill", n, got)
		}
	}
	for size := int64(64 << 10); size <= 1<<30; size *= 4 {
		s := &File{size: size}
		for ; s.used < size; s.used += size / 8 {
			if ahead := s.ahead(); ahead <= 0 || ahead > size/8 || ahead > fillMost {
				t.Errorf("%d of %d bytes used: %d ahead", s.used, size, ahead)
			}
		}
	}
}

// A Pool keeps at most maxOpen files open. It closes those that were not used for the longest
// time, and opens them again.
func TestPool(t *testing.T) {
	var p Pool
	var files []*File
	sums := make(map[*File]Summary)
	for range maxOpen + 2 {
		s, sum := tail(t, chunksOf(t, 0, 1))
		if err := s.Seal(&sum, false); err != nil {
			t.Fatal(err)
		}
		files, sums[s] = append(files, s), sum
	}
	read := func(s *File) {
		t.Helper()
		if got, err := firsts(&p, s, 0, sums[s]); err != nil || !slices.Equal(got, []uint32{0}) {
			t.Fatalf("%v, %v", got, err)
		}
	}
	open := func() (n int) {
		for _, s := range files {
			if s.db != nil {
				n++
			}
		}
		return n
	}
	for _, s := range files {
		read(s)
		read(files[0]) // stays the most recently used but one
	}
	if n := open(); n != maxOpen || files[0].db == nil || files[1].db != nil {
		t.Errorf("%d files are open; the first %v, the second %v", n, files[0].db != nil, files[1].db != nil)
	}
	read(files[1])
	if n := open(); n != maxOpen || files[1].db == nil {
		t.Errorf("%d files are open after another read", n)
	}
	for _, s := range files {
		p.Shut(s)
		p.Shut(s)
	}
	if n := open(); n != 0 {
		t.Errorf("%d files are open after Shut", n)
	}
}
