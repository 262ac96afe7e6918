package recent

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

func TestGetReturnsTheLastValuePut(t *testing.T) {
	m := New[string, int](3)
	if v, ok := m.Get("a"); ok || v != 0 {
		t.Errorf("an empty map has %d, %t", v, ok)
	}
	m.Put("a", 1)
	m.Put("a", 2)
	if v, ok := m.Get("a"); !ok || v != 2 {
		t.Errorf("got %d, %t", v, ok)
	}
	if m.Len() != 1 {
		t.Errorf("%d entries", m.Len())
	}
	m.Put("b", 1) // a moves to the older generation
	m.Put("c", 1)
	m.Put("d", 1)
	m.Put("a", 3)
	if v, ok := m.Get("a"); !ok || v != 3 {
		t.Errorf("a value of the older generation hides the new one: %d, %t", v, ok)
	}
}

func TestSizeIsBounded(t *testing.T) {
	for _, limit := range []int{-1, 0, 1, 2, 100} {
		m := New[int, int](limit)
		for i := range 1000 {
			m.Put(i, i)
			if m.Len() > 2*max(1, limit) {
				t.Fatalf("limit %d: %d entries", limit, m.Len())
			}
			if v, ok := m.Get(i); !ok || v != i {
				t.Fatalf("limit %d: entry %d is missing right after Put", limit, i)
			}
		}
		if _, ok := m.Get(0); ok {
			t.Errorf("limit %d: the oldest entry is still there", limit)
		}
	}
}

// TestEntriesInUseSurvive checks that an entry is found after limit-1 uses of other entries, and
// that using it in time keeps it forever.
func TestEntriesInUseSurvive(t *testing.T) {
	const limit = 10
	m := New[string, string](limit)
	m.Put("kept", "x")
	for i := range 1000 {
		m.Put("other "+strconv.Itoa(i), "y")
		if i%(limit-1) == 0 {
			if v, ok := m.Get("kept"); !ok || v != "x" {
				t.Fatalf("lost after %d other entries", i)
			}
		}
	}
}

// TestAgainstModel compares the map with one that never drops an entry: a value that is found is
// always the last one that was put.
func TestAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	m, model := New[int, int](8), map[int]int{}
	found := 0
	for i := range 20_000 {
		key := random.IntN(30)
		if random.IntN(2) == 0 {
			m.Put(key, i)
			model[key] = i
			continue
		}
		if v, ok := m.Get(key); ok {
			found++
			if v != model[key] {
				t.Fatalf("step %d: key %d has %d, not %d", i, key, v, model[key])
			}
		}
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
}

// TestGetKeepsNoReference checks that moving an entry keeps the key of Put, not that of Get: the
// latter can be part of a large text.
func TestGetKeepsNoReference(t *testing.T) {
	m := New[string, int](1)
	own := strings.Clone("key")
	m.Put(own, 1)
	m.Put("other", 2)
	lookup := strings.Clone("a large text with a key")[20:]
	if _, ok := m.Get(lookup); !ok {
		t.Fatal("the key is not found")
	}
	for k, e := range m.newer {
		if unsafe.StringData(k) != unsafe.StringData(own) || unsafe.StringData(e.key) != unsafe.StringData(own) {
			t.Error("the map holds the key of Get")
		}
	}
}
