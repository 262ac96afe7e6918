package ident

import (
	"fmt"
	"testing"

	"relay/queue"
)

var secret = &[32]byte{1}

// Invariant: keys of two spaces, of two stores, or of two events are never equal, whatever their text.
func TestHashesDiffer(t *testing.T) {
	seen := make(map[Hash]string)
	add := func(what string, h Hash) {
		t.Helper()
		if other, ok := seen[h]; ok {
			t.Errorf("%s has the hash of %s", what, other)
		}
		seen[h] = what
	}
	for _, text := range []string{"", "a", "ab", "1\x00a"} {
		for _, store := range []string{"", "a", "1", "1\x00"} {
			for _, space := range []queue.Space{queue.ByID, queue.BySale} {
				add(fmt.Sprintf("id %q, store %q, space %d", text, store, space), HashOf(nil, secret, &queue.Entry{ID: text, Store: store, Space: space}))
			}
			for _, fingerprint := range []uint64{0, 1} {
				e := queue.Entry{ID: text, Store: store, Space: queue.ByRefusedID, Fingerprint: fingerprint}
				add(fmt.Sprintf("refused %q, store %q, fingerprint %d", text, store, fingerprint), HashOf(nil, secret, &e))
				add(fmt.Sprintf("content of %q, store %q, fingerprint %d", text, store, fingerprint), HashContent(secret, store, text, fingerprint))
			}
		}
		add(fmt.Sprintf("key %q", text), HashOf(nil, secret, &queue.Entry{ID: "other", Key: text, Space: queue.ByKey}))
		add(fmt.Sprintf("id %q, another secret", text), HashOf(nil, &[32]byte{2}, &queue.Entry{ID: text}))
	}
}

// An id's hash depends on nothing but the id: not on the event, nor on what the scratch space held.
func TestHashIsStable(t *testing.T) {
	want := HashOf(nil, secret, &queue.Entry{ID: "a", Fingerprint: 1, Lanes: []string{"x"}})
	if got := HashOf(make([]byte, 0, 200), secret, &queue.Entry{ID: "a", Fingerprint: 2, Key: "k"}); got != want {
		t.Errorf("%x, then %x", want, got)
	}
	key := HashOf(nil, secret, &queue.Entry{Key: "k", Space: queue.ByKey})
	if got := HashOf(nil, secret, &queue.Entry{Key: "k", Space: queue.ByKey, Store: "s", ID: "a"}); got != key {
		t.Errorf("a key of relay's depends on the store: %x, then %x", key, got)
	}
}

// The hash shows which kind of key it is: relay's own, a sale's, or a client's.
func TestKinds(t *testing.T) {
	for i := range 200 {
		text := fmt.Sprint(i)
		for space, want := range map[queue.Space]struct{ own, sale bool }{
			queue.ByID: {}, queue.ByRefusedID: {}, queue.ByKey: {own: true}, queue.BySale: {own: true, sale: true},
		} {
			h := HashOf(nil, secret, &queue.Entry{ID: text, Key: text, Space: space})
			if h.Own() != want.own || h.Sale() != want.sale {
				t.Fatalf("space %d, %q: own %v, sale %v", space, text, h.Own(), h.Sale())
			}
		}
	}
}

func TestDiffer(t *testing.T) {
	for _, c := range []struct {
		a, b uint64
		want bool
	}{{1, 2, true}, {1, 1, false}, {0, 1, false}, {1, 0, false}, {0, 0, false}} {
		if got := Differ(c.a, c.b); got != c.want {
			t.Errorf("Differ(%d, %d) = %v", c.a, c.b, got)
		}
	}
}
