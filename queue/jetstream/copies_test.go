package jetstream

import (
	"encoding/binary"
	"testing"
	"time"

	"relay/internal/cputime"
	"relay/queue/internal/ident"
)

// The cost of a chunk that is stored twice, as when a store resends it to another relay, is proportional to
// its size, not to the square of it.
func TestCopiesCost(t *testing.T) {
	took := func(n int) time.Duration {
		v := newView()
		for seq := range uint64(2) {
			e := newEntry(int(seq), 1, nextChunk(v.lastChunk), 100*n)
			for i := range n {
				var h ident.Hash
				binary.LittleEndian.PutUint64(h[:], uint64(i)<<8)
				e.add(h, 1, []string{"a", "b"}, []byte("x"), 0)
			}
			if seq == 1 {
				return cputime.Of(func() {
					v.admit(e)
					v.applyRow(&row{Lane: "a"}, 7)
				})
			}
			v.admit(e)
		}
		return 0
	}
	took(100)
	small, large := took(1000), took(16_000)
	if large > 64*small && large > 200*time.Millisecond {
		t.Errorf("1,000 records took %v, 16 times as many %v", small, large)
	}
}
