package outward

import (
	"strings"
	"sync"

	"relay/mapper/personal"
)

// NameCache remembers the classes of property names, because tills use the same names all day.
// It holds at most maxNamesKept names of at most maxNameKept bytes each. It is safe for
// concurrent use.
type NameCache struct {
	mu sync.RWMutex
	of map[nameKey]personal.NameClass
}

type nameKey struct {
	name        string
	top, within bool
}

const (
	maxNamesKept = 4096
	maxNameKept  = 64
)

func (c *NameCache) classify(name string, top, within bool) personal.NameClass {
	key := nameKey{name, top, within}
	c.mu.RLock()
	n, known := c.of[key]
	full := len(c.of) >= maxNamesKept
	c.mu.RUnlock()
	if known {
		return n
	}
	n = personal.Name(name, top, within)
	if full || len(name) > maxNameKept {
		return n
	}
	key.name = strings.Clone(name) // so that the cache does not keep the whole event in memory
	c.mu.Lock()
	if c.of == nil {
		c.of = make(map[nameKey]personal.NameClass)
	}
	c.of[key] = n
	c.mu.Unlock()
	return n
}
