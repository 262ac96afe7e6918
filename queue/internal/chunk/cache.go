package chunk

import (
	"slices"
	"sync"

	"relay/queue"
)

// Cache holds the chunks decoded last, up to a few MiB: lanes that pass a chunk in step
// share its records, which nobody changes. Its zero value is empty.
type Cache struct {
	mu    sync.Mutex
	items []cachedChunk // the one used last is last
	bytes int64
}

type cachedChunk struct {
	first queue.Seq
	crc   uint32
	recs  []queue.Record
	bytes int64
}

const cacheBytes = 4 << 20

// Get gives the records of a chunk, nil when they are not held.
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

// Put holds the records of a chunk, of so many bytes, unless they are too large.
func (c *Cache) Put(first queue.Seq, sum uint32, recs []queue.Record, bytes int64) {
	bytes += int64(len(recs)) * 160 // what a Record costs beside its body
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

// Forget drops everything: what was rewritten must not be read from memory.
func (c *Cache) Forget() {
	c.mu.Lock()
	c.items, c.bytes = nil, 0
	c.mu.Unlock()
}
