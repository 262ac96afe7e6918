package chunk

import (
	"slices"
	"sync"

	"relay/queue"
)

// Cache holds the most recently decoded chunks, up to a few MiB, so that lanes that read the same
// chunk at about the same time share its records. The records must not be changed. The zero value
// is an empty cache.
type Cache struct {
	mu    sync.Mutex
	items []cachedChunk // most recently used last
	bytes int64
}

type cachedChunk struct {
	first queue.Seq
	crc   uint32
	recs  []queue.Record
	bytes int64
}

const cacheBytes = 4 << 20

// Get returns the records of a chunk, or nil if it is not cached.
func (c *Cache) Get(first queue.Seq, sum uint32) []queue.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, it := range slices.Backward(c.items) {
		if it.first == first && it.crc == sum {
			c.items = append(append(c.items[:i], c.items[i+1:]...), it)
			return it.recs
		}
	}
	return nil
}

// Put caches the records of a chunk, which take bytes of memory, unless they are too large.
func (c *Cache) Put(first queue.Seq, sum uint32, recs []queue.Record, bytes int64) {
	bytes += int64(len(recs)) * 160 // the cost of a Record without its body
	if bytes > cacheBytes/2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = append(c.items, cachedChunk{first, sum, recs, bytes})
	c.bytes += bytes
	n := 0
	for c.bytes > cacheBytes || len(c.items)-n > 64 {
		c.bytes -= c.items[n].bytes
		n++
	}
	c.items = slices.Delete(c.items, 0, n)
}

// Forget empties the cache: a rewritten chunk must not be read from memory.
func (c *Cache) Forget() {
	c.mu.Lock()
	c.items, c.bytes = nil, 0
	c.mu.Unlock()
}
