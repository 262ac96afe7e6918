package chunk

import (
	"testing"

	"relay/queue"
)

// A chunk is found by its number and sum together: a rewritten chunk is a different one.
func TestCache(t *testing.T) {
	var c Cache
	recs := []queue.Record{{ID: "m-1"}}
	c.Put(1, 10, recs, 100)
	c.Put(2, 20, []queue.Record{{ID: "m-2"}}, 100)
	if got := c.Get(1, 10); len(got) != 1 || got[0].ID != "m-1" {
		t.Errorf("got %v", got)
	}
	if c.Get(1, 11) != nil || c.Get(3, 10) != nil {
		t.Error("Get returned the records of another chunk")
	}
	c.Forget()
	if c.Get(2, 20) != nil {
		t.Error("the chunk is still cached after Forget")
	}
}

// The least recently used chunk is evicted first, and a chunk that would fill the cache is not
// cached.
func TestCacheIsBounded(t *testing.T) {
	var c Cache
	c.Put(1, 1, nil, cacheBytes)
	if c.bytes != 0 {
		t.Errorf("%d bytes cached for a chunk that is too large", c.bytes)
	}
	one := []queue.Record{{}}
	for i := range queue.Seq(4) {
		c.Put(i+1, 1, one, cacheBytes/4-1000)
	}
	c.Get(1, 1)
	c.Put(5, 1, one, cacheBytes/4-1000)
	if c.Get(1, 1) == nil || c.Get(2, 1) != nil || c.bytes > cacheBytes {
		t.Errorf("%d bytes cached; the most recently used chunk is cached: %t", c.bytes, c.Get(1, 1) != nil)
	}
	for i := range queue.Seq(100) {
		c.Put(i+10, 1, one, 1)
	}
	if n := len(c.items); n > 64 {
		t.Errorf("%d chunks cached, want at most 64", n)
	}
}
