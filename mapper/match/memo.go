package match

import (
	"strings"

	"relay/internal/meta"
)

// Memo is Normalise and SumOf, and remembers what came of places: the customers of a shop
// live in the same towns. The zero value is empty; one goroutine uses it at a time.
type Memo struct {
	newer, older map[placeKey]Found // as many as fit in each
}

// Bounds of what is remembered.
const (
	maxPlaces = 512
	maxPlace  = 64 // bytes of one
)

// placeKey is all that the form of a place depends on.
type placeKey struct {
	key           Key
	named         bool
	country, home string
	raw           string
}

// Found is what becomes of one raw value of a key. An empty form has no sum.
func (m *Memo) Found(k Key, raw string, l Locale) Found {
	if !isPlace(k) || len(raw) > maxPlace {
		return found(k, raw, l)
	}
	at := placeKey{k, l.Named, l.Country, l.DefaultCountry, raw}
	f, ok := m.newer[at]
	if !ok {
		if f, ok = m.older[at]; !ok {
			f = found(k, raw, l)
			f.Form = strings.Clone(f.Form) // else it would keep all of the event
		}
		at.raw = strings.Clone(raw)
		m.put(at, f)
	}
	return f
}

func (m *Memo) put(at placeKey, f Found) {
	if m.newer == nil || len(m.newer) == maxPlaces {
		m.newer, m.older = make(map[placeKey]Found), m.newer
	}
	m.newer[at] = f
}

func found(k Key, raw string, l Locale) (f Found) {
	if f.Value = Normalise(k, raw, l, nil); f.Form != "" {
		f.Sum = SumOf(k, f.Value)
	}
	return f
}

func isPlace(k Key) bool {
	switch Table[k].Form {
	case meta.City, meta.State2, meta.Zip, meta.Country:
		return true
	}
	return false
}
