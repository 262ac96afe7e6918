// Package recent provides a bounded map that keeps the entries used most recently.
//
//	Put ──► newer ──(full)──► older ──(newer full again)──► dropped
//	          ▲                 │
//	          └───── Get ◄──────┘
//
// Entries live in two generations. When the newer one is full, it becomes the older one and the
// previous older one is dropped. Get moves an entry of the older generation to the newer one, so
// entries in use survive. An eviction needs no list and no time stamps.
package recent

// Map holds at most 2*limit entries. After an entry is used, it stays for at least limit-1 uses
// of other entries. A Map is not safe for concurrent use.
type Map[K comparable, V any] struct {
	limit        int // entries of a generation
	newer, older map[K]entry[K, V]
}

// entry repeats its key, so that Get can move an entry without keeping the caller's key.
type entry[K comparable, V any] struct {
	key   K
	value V
}

// New returns an empty Map. limit must be at least 1. The Map allocates nothing until the first
// Put.
func New[K comparable, V any](limit int) Map[K, V] {
	return Map[K, V]{limit: max(1, limit)}
}

// Get returns the value of a key. It keeps no reference to key, which can be part of a larger
// text.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	e, ok := m.newer[key]
	if ok {
		return e.value, true
	}
	if e, ok = m.older[key]; ok {
		m.add(e)
	}
	return e.value, ok
}

// Put sets the value of a key and keeps both until they are dropped.
func (m *Map[K, V]) Put(key K, value V) {
	m.add(entry[K, V]{key, value})
}

// Len returns the number of entries, where an entry in both generations counts twice.
func (m *Map[K, V]) Len() int { return len(m.newer) + len(m.older) }

func (m *Map[K, V]) add(e entry[K, V]) {
	if m.newer == nil {
		m.newer = make(map[K]entry[K, V])
	}
	if _, known := m.newer[e.key]; !known && len(m.newer) >= m.limit {
		m.newer, m.older = m.older, m.newer
		if m.newer == nil {
			m.newer = make(map[K]entry[K, V])
		}
		clear(m.newer)
	}
	m.newer[e.key] = e
}
