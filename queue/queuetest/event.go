package queuetest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"relay/queue"
)

// received is the time of receipt of the first event.
var received = time.UnixMilli(1_790_000_000_000).UTC()

// event returns an entry whose body is derived from its id.
func event(id string, lanes ...string) queue.Entry {
	return queue.Entry{ID: id, Lanes: lanes, Received: received, Body: bodyOf(id)}
}

// events returns n events with the ids prefix-0, prefix-1, …, and these ids.
func events(prefix string, n int, lanes ...string) (entries []queue.Entry, ids []string) {
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		entries, ids = append(entries, event(id, lanes...)), append(ids, id)
	}
	return entries, ids
}

// bodyOf returns the body for an id, the same in every process. It hardly compresses.
func bodyOf(id string) []byte {
	rng := source(id)
	n := 20 + rng.IntN(60)
	if rng.IntN(10) == 0 {
		n = 6000
	}
	return noise(id, rng, n)
}

// noise returns n random bytes after the id.
func noise(id string, rng *rand.Rand, n int) []byte {
	b := append(make([]byte, 0, len(id)+1+n), id+" "...)
	for range n {
		b = append(b, byte(rng.Uint32()))
	}
	return b
}

func source(id string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(id))
	return rand.New(rand.NewPCG(h.Sum64(), 7))
}
