package chunk

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"relay/queue"
	"relay/queue/internal/format"
)

// FuzzDecode decodes arbitrary bytes as a chunk, with corrected checksums so that the code after
// them is reached. It must not panic, return more than the header claims, or allocate more than in
// proportion to the input and that claim. What it decodes must encode to the same records.
func FuzzDecode(f *testing.F) {
	r := ring(f, "")
	for _, items := range [][]*Item{
		{item(1, "body", "a")},
		{item(1, strings.Repeat("body ", 100), "a"), item(2, "two", "a", "b"), item(3, "", "c")},
		{item(1, random(700), "a", "b", "c")},
	} {
		data, _ := build(f, r, items...)
		f.Add(data)
	}
	data, h := build(f, r, item(1, "body", "a"), item(2, "two", "a"))
	_, ids, recs, _ := decode(r, data)
	part, _, err := NewBuilder(NewCodec(), r).Rewrite(nil, &h, ids, recs[1:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(part)
	f.Add([]byte("r\x01"))
	codec := NewCodec()
	f.Fuzz(func(t *testing.T, data []byte) {
		data = checksums(data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, err := DecodeHeader(data)
		if err != nil {
			return
		}
		ids, pay, err := h.Split(data)
		if err != nil {
			return
		}
		recs, err := codec.Decode(r, &h, pay)
		runtime.ReadMemStats(&after)
		// A record or a lane set takes about 200 bytes of memory for a few bytes of input; the
		// first use of a decompressor takes several MiB.
		if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20+64*uint64(len(data)+h.RawLen()) {
			t.Errorf("%d bytes of memory for %d bytes that say they are %d", used, len(data), h.RawLen())
		}
		if err != nil {
			return
		}
		size := 0
		next := h.First
		for i := range recs {
			rec := &recs[i]
			size += len(rec.ID) + len(rec.Body)
			if rec.Seq < next || rec.Seq >= h.End() {
				t.Fatalf("record %d of %d is %x", i, len(recs), uint64(rec.Seq))
			}
			next = rec.Seq + 1
		}
		if size > h.RawLen() || len(recs) != int(h.Count) || len(ids)%IDLen != 0 {
			t.Errorf("%d records of %d bytes, header %+v", len(recs), size, h)
		}
		again, _, err := NewBuilder(codec, r).Rewrite(nil, &h, ids, recs)
		if err != nil {
			t.Fatal(err)
		}
		_, _, got, err := decode(r, again)
		if err != nil || len(got) != len(recs) {
			t.Fatalf("encoded again: %d records of %d, %v", len(got), len(recs), err)
		}
		for i := range got {
			if !same(&got[i], &recs[i]) {
				t.Fatalf("record %d: %s, was %s", i, text(&got[i]), text(&recs[i]))
			}
		}
	})
}

func same(a, b *queue.Record) bool { return text(a) == text(b) }

// checksums corrects the checksums of a chunk, as far as its lengths fit its bytes.
func checksums(b []byte) []byte {
	n, err := HeaderLen(b)
	if err != nil || len(b) < n {
		return b
	}
	le := binary.LittleEndian
	b = append([]byte(nil), b...)
	ids := uint64(n) + uint64(le.Uint32(b[24:]))
	if ids <= uint64(len(b)) {
		le.PutUint32(b[32:], uint32(uint64(len(b))-ids)) // the stored payload is the rest
		le.PutUint32(b[n-12:], format.CRC(b[n:ids]))
		le.PutUint32(b[n-8:], format.CRC(b[ids:]))
	}
	le.PutUint32(b[n-4:], format.CRC(b[:n-4]))
	return b
}
