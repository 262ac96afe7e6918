package outward

import (
	"strings"
	"sync"

	"relay/mapper/personal"
)

// Memo remembers what names of properties say: tills use the same ones all
// day. It holds at most maxNamesKept, each of at most maxNameKept bytes.
type Memo struct {
	mu sync.RWMutex
	of map[nameKey]personal.Names
}

type nameKey struct {
	name        string
	top, within bool
}

const (
	maxNamesKept = 4096
	maxNameKept  = 64
)

func (c *Memo) read(name string, top, within bool) personal.Names {
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
	key.name = strings.Clone(name) // else it would keep all of the event
	c.mu.Lock()
	if c.of == nil {
		c.of = make(map[nameKey]personal.Names)
	}
	c.of[key] = n
	c.mu.Unlock()
	return n
}
