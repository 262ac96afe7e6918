package chunk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/seal"
	"relay/queue"
	"relay/queue/internal/format"
)

const first = queue.Seq(7<<32 | 1000)

// ring makes a key ring; without a key nothing is sealed.
func ring(t testing.TB, key string, old ...string) *seal.Ring {
	t.Helper()
	var olds [][]byte
	for _, o := range old {
		olds = append(olds, bytes.Repeat([]byte(o), 32))
	}
	var k []byte
	if key != "" {
		k = bytes.Repeat([]byte(key), 32)
	}
	keys, err := seal.NewKeys(k, olds...)
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewRing(keys)
}

// item makes record i for the lanes.
func item(i int, body string, lanes ...string) *Item {
	it := &Item{
		Hash: [16]byte{byte(i), 1}, Fingerprint: 1<<63 + uint64(i), Lanes: lanes, SetKey: SetKey(lanes), Received: int64(1_700_000_000_000 - i),
		Flags: queue.Flags(i%3 | i%2<<8), ID: fmt.Sprint("m-", i), Body: []byte(body),
	}
	if i%2 == 0 {
		it.SeenBy = []string{"x", "y"}
	}
	if i%3 == 0 {
		it.Recipe = "r"
	}
	return it
}

// build makes a chunk of items.
func build(t testing.TB, r *seal.Ring, items ...*Item) ([]byte, Header) {
	t.Helper()
	b := NewBuilder(NewCodec(), r)
	b.Start(first)
	for _, it := range items {
		b.Add(it)
	}
	data, h, err := b.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data, h
}

// decode reads a whole chunk, as a reader of the log does.
func decode(r *seal.Ring, data []byte) (h Header, ids []byte, recs []queue.Record, err error) {
	if h, err = DecodeHeader(data); err != nil {
		return h, nil, nil, err
	}
	ids, pay, err := h.Split(data)
	if err != nil {
		return h, nil, nil, err
	}
	recs, err = NewCodec().Decode(r, &h, pay)
	return h, ids, recs, err
}

// text is the part of a record that the tests compare.
func text(r *queue.Record) string {
	return fmt.Sprintf("%x %s %q %q %q %d %d %s", uint64(r.Seq), r.ID, r.Lanes, r.SeenBy, r.Recipe, r.Received.UnixMilli(), r.Flags, r.Body)
}

func random(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

func TestRoundTrip(t *testing.T) {
	many := make([]*Item, 0, 300) // more lane sets than tableRoom holds
	for i := range 300 {
		many = append(many, item(i, "x", fmt.Sprint("lane-", i), "all"))
	}
	for _, c := range []struct {
		name  string
		items []*Item
		codec byte
	}{
		{"one record", []*Item{item(1, "body", "a")}, codecNone},
		{"no body", []*Item{item(1, "", "a")}, codecNone},
		{"compressed", []*Item{item(1, strings.Repeat("same ", 1000), "a")}, codecZstd},
		{"random", []*Item{item(1, random(5000), "a")}, codecNone},
		{"larger than a window", []*Item{item(1, strings.Repeat(random(70_000), 40), "a")}, codecZstd},
		{"only zeros", []*Item{item(1, strings.Repeat("\x00", 8<<20), "a")}, codecZstd},
		{"lanes", []*Item{item(1, "1", "a"), item(2, "2", "a", "b"), item(3, "3", "b"), item(4, "4", "a"), item(5, "5", "a")}, codecZstd},
		{"lanes with strange names", []*Item{item(1, "1", "a\x00b"), item(2, "2", "a", "b"), item(3, "3", "", "b"), item(4, "4", "\x00b"), item(5, "5")}, codecZstd},
		{"many lane sets", many, codecZstd},
	} {
		for _, key := range []string{"", "k"} {
			t.Run(fmt.Sprintf("%s, key %q", c.name, key), func(t *testing.T) {
				r := ring(t, key)
				data, built := build(t, r, c.items...)
				if key == "" && built.codec != c.codec {
					t.Errorf("codec %d", built.codec)
				}
				h, ids, recs, err := decode(r, data)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprintf("%+v", h) != fmt.Sprintf("%+v", built) {
					t.Errorf("header\n%+v, built\n%+v", h, built)
				}
				n := len(c.items)
				if h.First != first || h.End() != first+queue.Seq(n) || h.Len() != len(data) || h.KeyID != r.Keys().Current() ||
					h.Min != c.items[n-1].Received || h.Max != c.items[0].Received {
					t.Errorf("header %+v", h)
				}
				want := make(map[string]Lane)
				for i, it := range c.items {
					rec := queue.Record{Seq: first + queue.Seq(i), ID: it.ID, Lanes: it.Lanes, SeenBy: it.SeenBy, Recipe: it.Recipe, Received: time.UnixMilli(it.Received), Flags: it.Flags, Body: it.Body}
					if len(recs) != n || text(&recs[i]) != text(&rec) {
						t.Fatalf("record %d of %d: %.200s", i, len(recs), text(&recs[i]))
					}
					if !bytes.Equal(ids[IDLen*i:IDLen*(i+1)], AppendID(nil, it.Hash, it.Fingerprint)) || len(ids) != IDLen*n {
						t.Fatalf("id %d", i)
					}
					for _, name := range it.Lanes {
						l := want[name]
						want[name] = Lane{Name: name, Count: l.Count + 1, Last: uint32(rec.Seq), Bytes: l.Bytes + uint64(len(it.Body)), Min: it.Received}
					}
				}
				if len(h.Lanes) != len(want) || h.Lane("none") != nil {
					t.Errorf("%d lanes of %d", len(h.Lanes), len(want))
				}
				for name, w := range want {
					if l := h.Lane(name); l == nil || *l != w {
						t.Errorf("lane %+v, want %+v", l, w)
					}
				}
			})
		}
	}
}

// A Builder discards an unfinished chunk and reuses its memory: a chunk it returned before does not
// change.
func TestBuilderReuse(t *testing.T) {
	r := ring(t, "")
	b := NewBuilder(NewCodec(), r)
	b.Start(1)
	b.Add(item(9, "forgotten", "z"))
	b.Start(first)
	b.Add(item(1, "one", "a"))
	if b.Count() != 1 || b.Size() < 3 || b.Size() > 40 {
		t.Errorf("%d records of %d bytes", b.Count(), b.Size())
	}
	data, h1, err := b.Finish([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	b.Start(h1.End())
	b.Add(item(2, "two", "b"))
	two, h2, err := b.Finish(data)
	if err != nil {
		t.Fatal(err)
	}
	n := len("before")
	if string(two[:n]) != "before" || h1.Lane("z") != nil || h1.Lane("b") != nil || h2.Lane("a") != nil {
		t.Errorf("lanes %+v and %+v", h1.Lanes, h2.Lanes)
	}
	for i, part := range [][]byte{two[n : n+h1.Len()], two[n+h1.Len():]} {
		if _, _, recs, err := decode(r, part); err != nil || len(recs) != 1 || recs[0].ID != fmt.Sprint("m-", i+1) {
			t.Errorf("chunk %d: %v, %v", i, recs, err)
		}
	}
}

// A rewritten chunk covers the same numbers and ids, even if it is empty, and the records left in
// it keep their numbers.
func TestRewrite(t *testing.T) {
	r, newer := ring(t, "k"), ring(t, "n", "k")
	var items []*Item
	for i := range 10 {
		items = append(items, item(i, "body", "a", fmt.Sprint("only-", i)))
	}
	data, _ := build(t, r, items...)
	h, ids, recs, err := decode(r, data)
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 9}, {3, 4, 7}, {9}, {}} {
		var kept []queue.Record
		for _, i := range keep {
			kept = append(kept, recs[i])
		}
		again, _, err := NewBuilder(NewCodec(), newer).Rewrite(nil, &h, ids, kept)
		if err != nil {
			t.Fatal(err)
		}
		nh, nids, nrecs, err := decode(newer, again)
		if err != nil {
			t.Fatalf("%v: %v", keep, err)
		}
		if nh.First != h.First || nh.Span != h.Span || nh.Min != h.Min || nh.Max != h.Max || nh.Count != uint32(len(keep)) ||
			nh.KeyID != newer.Keys().Current() || nh.KeyID == h.KeyID || !bytes.Equal(ids, nids) {
			t.Errorf("%v: header %+v of %+v", keep, nh, h)
		}
		if !slices.EqualFunc(nrecs, kept, func(a, b queue.Record) bool { return text(&a) == text(&b) }) {
			t.Errorf("%v: %d records", keep, len(nrecs))
		}
		if l := nh.Lane("a"); len(keep) > 0 && (l.Count != nh.Count || l.Last != uint32(kept[len(kept)-1].Seq)) {
			t.Errorf("%v: lane %+v", keep, l)
		}
	}
}

// A flipped bit or a missing byte anywhere in a chunk is detected.
func TestDamage(t *testing.T) {
	for _, key := range []string{"", "k"} {
		r := ring(t, key)
		data, _ := build(t, r, item(1, strings.Repeat("body ", 20), "a"), item(2, "two", "a", "b"))
		for at := range data {
			for bit := range 8 {
				b := bytes.Clone(data)
				b[at] ^= 1 << bit
				if _, _, _, err := decode(r, b); !errors.Is(err, ErrDamaged) {
					t.Fatalf("key %q, byte %d, bit %d: %v", key, at, bit, err)
				}
			}
			if _, _, _, err := decode(r, data[:at]); !errors.Is(err, ErrDamaged) {
				t.Fatalf("key %q, cut at %d: %v", key, at, err)
			}
		}
	}
}

// header changes a header and corrects its checksum.
func header(data []byte, fn func(b []byte)) []byte {
	b := bytes.Clone(data)
	fn(b)
	n := int(binary.LittleEndian.Uint32(b[4:]))
	binary.LittleEndian.PutUint32(b[n-4:], format.CRC(b[:n-4]))
	return b
}

// A header with a correct checksum may still contain wrong values.
func TestHeaderWithWrongValues(t *testing.T) {
	le := binary.LittleEndian
	for _, c := range []struct {
		name string
		fn   func(b []byte)
		want error
	}{
		{"version 2", func(b []byte) { b[1] = 2 }, format.ErrNewer},
		{"codec 9", func(b []byte) { b[2] = 9 }, format.ErrNewer},
		{"another codec", func(b []byte) { b[2] = codecZstd }, ErrDamaged},
		{"no span", func(b []byte) { le.PutUint32(b[20:], 0) }, ErrDamaged},
		{"more records than span", func(b []byte) { le.PutUint32(b[16:], 3) }, ErrDamaged},
		{"more records than bytes", func(b []byte) { le.PutUint32(b[16:], 1<<20); le.PutUint32(b[20:], 1<<20) }, ErrDamaged},
		{"fewer records than bytes", func(b []byte) { le.PutUint32(b[16:], 1) }, ErrDamaged},
		{"numbers of the next segment", func(b []byte) { le.PutUint64(b[8:], 7<<32|math.MaxUint32) }, ErrDamaged},
		{"a third of an id", func(b []byte) { le.PutUint32(b[24:], 5) }, ErrDamaged},
		{"many ids", func(b []byte) { le.PutUint32(b[24:], maxPayload/IDLen*IDLen+IDLen) }, ErrDamaged},
		{"large payload", func(b []byte) { le.PutUint32(b[28:], maxPayload+1) }, ErrDamaged},
		{"large stored payload", func(b []byte) { le.PutUint32(b[32:], maxPayload+1) }, ErrDamaged},
		{"another payload length", func(b []byte) { le.PutUint32(b[28:], 3) }, ErrDamaged},
		{"too many lanes", func(b []byte) { le.PutUint32(b[68:], 1<<30) }, ErrDamaged},
		{"fewer lanes", func(b []byte) { le.PutUint32(b[68:], 1) }, ErrDamaged},
		{"no lanes", func(b []byte) { le.PutUint32(b[68:], 0) }, ErrDamaged},
		{"a long lane name", func(b []byte) { le.PutUint16(b[fixed:], 60_000) }, ErrDamaged},
		{"a lane name that overlaps the next lane", func(b []byte) { le.PutUint16(b[fixed:], 20) }, ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ring(t, "")
			data, _ := build(t, r, item(1, "body", "a"), item(2, "two", "a", "bbbb"))
			if _, _, _, err := decode(r, header(data, c.fn)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// Sum and First together identify a version of a chunk.
func TestSum(t *testing.T) {
	r := ring(t, "")
	_, one := build(t, r, item(1, "one", "a"))
	_, again := build(t, r, item(1, "one", "a"))
	_, other := build(t, r, item(1, "two", "a"))
	if one.Sum() != again.Sum() || one.Sum() == other.Sum() {
		t.Errorf("sums %x and %x of equal chunks, %x of another", one.Sum(), again.Sum(), other.Sum())
	}
}

func TestHeaderLen(t *testing.T) {
	for _, c := range []struct {
		b    string
		want int
	}{
		{"r\x01\x00\x00\x5c\x00\x00\x00", 92},
		{"r\x01\x00\x00\x5b\x00\x00\x00", 0},
		{"r\x01\x00\x00\x00\x00\x10\x00", 1 << 20},
		{"r\x01\x00\x00\x01\x00\x10\x00", 0},
		{"r\x00\x00\x00\x5c\x00\x00\x00", 0},
		{"s\x01\x00\x00\x5c\x00\x00\x00", 0},
		{"r\x01\x00\x00\x5c\x00\x00", 0},
	} {
		n, err := HeaderLen([]byte(c.b))
		if n != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%q: %d, %v", c.b, n, err)
		}
	}
}

// A payload with a correct checksum may still contain wrong values.
func TestPayloadWithWrongValues(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  []byte
	}{
		{"empty", nil},
		{"more sets than bytes", []byte{9, 1}},
		{"a set of more lanes than bytes", []byte{1, 9, 0}},
		{"an unknown lane", []byte{1, 1, 5, 0, 0, 0, 0, 0, 0}},
		{"no record", []byte{1, 1, 0}},
		{"an unknown set", []byte{1, 1, 0, 1, 0, 0, 0, 0, 0}},
		{"a gap beyond the span", []byte{1, 1, 0, 0, 1, 0, 0, 0, 0}},
		{"a huge gap", append([]byte{1, 1, 0, 0}, append(binary.AppendUvarint(nil, math.MaxUint64), 0, 0, 0, 0)...)},
		{"an id longer than the payload", []byte{1, 1, 0, 0, 0, 0, 0, 9, 0}},
		{"bytes after the last record", []byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := Header{First: first, Count: 1, Span: 1, Lanes: []Lane{{Name: "a"}}, rawLen: uint32(len(c.raw)), payLen: uint32(len(c.raw)), payCRC: format.CRC(c.raw)}
			if recs, err := NewCodec().Decode(ring(t, ""), &h, c.raw); !errors.Is(err, ErrDamaged) {
				t.Errorf("%v, %v", recs, err)
			}
		})
	}
	good := []byte{1, 1, 0, 0, 0, 0, 0, 0, 0}
	h := Header{First: first, Count: 1, Span: 1, Lanes: []Lane{{Name: "a"}}, rawLen: uint32(len(good)), payLen: uint32(len(good)), payCRC: format.CRC(good)}
	if recs, err := NewCodec().Decode(ring(t, ""), &h, good); err != nil || len(recs) != 1 {
		t.Errorf("%v, %v", recs, err)
	}
	h.payCRC++
	if _, err := NewCodec().Decode(ring(t, ""), &h, good); !errors.Is(err, ErrDamaged) {
		t.Error("a payload with another checksum than the header's was accepted")
	}
}

// A sealed chunk opens only with its key and under its own number.
func TestSealed(t *testing.T) {
	r := ring(t, "k")
	data, h := build(t, r, item(1, "a body in plain sight", "a"))
	if bytes.Contains(data, []byte("plain sight")) {
		t.Error("the chunk contains the body in plain text")
	}
	for _, c := range []struct {
		name string
		ring *seal.Ring
		data []byte
		want error
	}{
		{"its key", r, data, nil},
		{"its key among old ones", ring(t, "n", "k"), data, nil},
		{"another key", ring(t, "n"), data, seal.ErrKey},
		{"no key", ring(t, ""), data, seal.ErrKey},
		{"another sequence number", r, header(data, func(b []byte) { b[8]++ }), ErrDamaged},
		{"another segment", r, header(data, func(b []byte) { b[12]++ }), ErrDamaged},
		{"another lane", r, header(data, func(b []byte) { b[fixed+2] = 'b' }), ErrDamaged},
		{"marked as not sealed", r, header(data, func(b []byte) { b[3] = 0 }), ErrDamaged},
	} {
		if _, _, recs, err := decode(c.ring, c.data); !errors.Is(err, c.want) || (err == nil) != (len(recs) == 1) {
			t.Errorf("%s: %v, %v", c.name, recs, err)
		}
	}
	same, h2 := build(t, r, item(1, "a body in plain sight", "a"))
	if h.nonce == h2.nonce || bytes.Equal(data, same) {
		t.Error("two chunks were sealed with the same nonce")
	}
}

// Decode returns no bytes that alias the caller's memory.
func TestDecodeCopies(t *testing.T) {
	r := ring(t, "")
	data, _ := build(t, r, item(1, "body", "a"))
	_, _, recs, err := decode(r, data)
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	if string(recs[0].Body) != "body" || recs[0].ID != "m-1" {
		t.Errorf("%s %q", recs[0].ID, recs[0].Body)
	}
}

// A false length allocates no memory beyond what the data can justify.
func TestDecompressBounds(t *testing.T) {
	c := NewCodec()
	small, codec := c.Compress(nil, bytes.Repeat([]byte("x"), 1000))
	if codec != codecZstd {
		t.Fatal(codec)
	}
	for _, n := range []int{-1, 0, 999, 1001, len(small) * zstdRatio, maxPayload, maxPayload + 1} {
		if b, err := c.Decompress(codecZstd, small, n); !errors.Is(err, ErrDamaged) {
			t.Errorf("length %d: %d bytes, %v", n, len(b), err)
		}
	}
	for _, b := range []string{"", "noise that is no frame", string(small[:len(small)-1])} {
		if _, err := c.Decompress(codecZstd, []byte(b), 1000); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", b, err)
		}
	}
	if b, err := c.Decompress(codecZstd, small, 1000); err != nil || len(b) != 1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
