package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A sidecar shares its machine with the till. What relay holds for long is
// small; most of its memory is requests in flight, so collecting twice as often
// as Go would by itself costs little. Near the limit it collects more often
// still rather than grow, unless what is alive needs the room. What a burst of
// requests left behind is given back to the system once it is over.
const (
	gcPercent   = 50
	memoryLimit = 40 << 20
	trimWorth   = 2 << 20 // free memory that is worth giving back
	lookEvery   = time.Second
)

// memory watches over the process's memory.
type memory struct {
	ownLimit bool // GOMEMLIMIT does not say otherwise
	limit    int64
	samples  []metrics.Sample
	allocs   uint64 // in all, at the last look
	trimmed  uint64 // of them at the last trim
	restore  func()
}

// tuneMemory sets the bounds that GOGC and GOMEMLIMIT leave to relay.
func tuneMemory() *memory {
	m := &memory{ownLimit: os.Getenv("GOMEMLIMIT") == "", limit: memoryLimit, samples: []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}}
	var percent int
	var limit int64
	if os.Getenv("GOGC") == "" {
		percent = debug.SetGCPercent(gcPercent)
	}
	if m.ownLimit {
		limit = debug.SetMemoryLimit(memoryLimit)
	}
	m.restore = func() {
		if os.Getenv("GOGC") == "" {
			debug.SetGCPercent(percent)
		}
		if m.ownLimit {
			debug.SetMemoryLimit(limit)
		}
	}
	return m
}

// Run looks after the memory until ctx ends, and leaves the bounds as they were.
func (m *memory) Run(ctx context.Context) error {
	defer m.restore()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.look()
		}
	}
}

func (m *memory) look() {
	metrics.Read(m.samples)
	allocs, live := m.samples[0].Value.Uint64(), m.samples[1].Value.Uint64()
	garbage := max(m.samples[2].Value.Uint64(), live) - live
	free := m.samples[3].Value.Uint64()
	// A limit that what is alive comes near would only keep the collector busy.
	if limit := max(memoryLimit, int64(live)*4/3); m.ownLimit && (limit > m.limit || limit < m.limit*3/4) {
		m.limit = limit
		debug.SetMemoryLimit(limit)
	}
	calm := allocs-m.allocs < trimWorth
	m.allocs = allocs
	if calm && allocs-m.trimmed >= trimWorth && (free+garbage >= trimWorth || m.trimmed == 0) {
		runtime.GC() // pooled buffers survive one collection
		debug.FreeOSMemory()
		m.trimmed = allocs
	}
}
