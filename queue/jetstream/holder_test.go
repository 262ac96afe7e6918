package jetstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// The holder is known only while it renews the lease and the servers answer.
func TestHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lease = 30 * time.Second
		var h holder
		want := func(when, name string, known bool) {
			t.Helper()
			if n, k := h.of(lease); n != name || k != known {
				t.Errorf("%s: holder %q, known %v, want %q, %v", when, n, k, name, known)
			}
		}
		want("before the first answer", "", true)
		for n := range 10 {
			h.saw(renewal([]byte("x@hub-1:8585"), n))
			time.Sleep(lease / 10)
			want("renewed", "hub-1:8585", true)
		}
		last := renewal([]byte("x@hub-1:8585"), 9)
		for range 3 {
			time.Sleep(lease / 10)
			h.saw(last)
		}
		want("killed", "", true)
		h.saw(renewal([]byte("y@hub-2:8585"), 0))
		want("taken over", "hub-2:8585", true)
		h.saw(nil)
		want("released", "", true)
		h.saw(renewal([]byte("y@hub-2:8585"), 1))
		time.Sleep(lease/3 + time.Second)
		want("the servers do not answer", "", false)
		h.answeredNow()
		want("the servers answer again", "", true)
	})
}
