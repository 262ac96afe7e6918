// Package memory keeps this process small beside the till, and says when it is about to
// have more than it may.
package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// A sidecar shares its machine with the till. What relay holds for long is
// small; most of its memory is requests in flight. So the heap may grow to
// heapFloor before anything is collected, from there on by half of what is
// alive, and near softLimit not at all unless what is alive needs the room.
// What a burst of requests left behind is given back to the system once it is
// over.
const (
	heapFloor = 16 << 20
	gcMost    = 400 // percent, of a heap that is much smaller than heapFloor
	gcLeast   = 50
	softLimit = 48 << 20
	trimWorth = 2 << 20 // free memory that is worth giving back
	lookEvery = time.Second
)

// Bounds watches over the process's memory.
type Bounds struct {
	ownPercent, ownLimit bool // GOGC, GOMEMLIMIT do not say otherwise
	percent              int
	limit                int64
	samples              []metrics.Sample
	allocs               uint64 // in all, at the last look
	trimmed              uint64 // of them at the last trim
	restore              func()
}

// Tune sets the bounds that GOGC and GOMEMLIMIT leave to relay.
func Tune() *Bounds {
	m := &Bounds{
		ownPercent: os.Getenv("GOGC") == "", ownLimit: os.Getenv("GOMEMLIMIT") == "",
		percent: gcMost, limit: softLimit,
		samples: []metrics.Sample{
			{Name: "/gc/heap/allocs:bytes"},
			{Name: "/gc/heap/live:bytes"},
			{Name: "/memory/classes/heap/objects:bytes"},
			{Name: "/memory/classes/heap/free:bytes"},
		},
	}
	percent, limit := 100, debug.SetMemoryLimit(-1)
	if m.ownPercent {
		percent = debug.SetGCPercent(m.percent)
	}
	if m.ownLimit {
		debug.SetMemoryLimit(m.limit)
	}
	m.restore = func() {
		if m.ownPercent {
			debug.SetGCPercent(percent)
		}
		debug.SetMemoryLimit(limit)
	}
	return m
}

// Restore puts back what was before Tune.
func (m *Bounds) Restore() { m.restore() }

// Run looks after the memory until done is closed. What only the start needed
// is given back at once.
func (m *Bounds) Run(done <-chan struct{}) {
	m.look()
	m.trim()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if m.look() {
				m.trim()
			}
		}
	}
}

// look adjusts the bounds to what is alive. It says whether there is something to
// give back and nobody busy: next to nothing was allocated since the last look.
func (m *Bounds) look() (trim bool) {
	metrics.Read(m.samples)
	allocs, live := m.samples[0].Value.Uint64(), m.samples[1].Value.Uint64()
	garbage := max(m.samples[2].Value.Uint64(), live) - live
	free := m.samples[3].Value.Uint64()
	percent := min(max(int(100*(heapFloor-int64(live))/int64(live+1)), gcLeast), gcMost)
	if m.ownPercent && (percent > m.percent*5/4 || percent < m.percent*4/5) {
		m.percent = percent
		debug.SetGCPercent(percent)
	}
	// A limit that what is alive comes near would only keep the collector busy.
	if limit := max(softLimit, int64(live)*4/3); m.ownLimit && (limit > m.limit || limit < m.limit*3/4) {
		m.limit = limit
		debug.SetMemoryLimit(limit)
	}
	calm := allocs-m.allocs < trimWorth
	m.allocs = allocs
	return calm && allocs-m.trimmed >= trimWorth && free+garbage >= trimWorth
}

func (m *Bounds) trim() {
	runtime.GC() // pooled buffers survive one collection
	debug.FreeOSMemory()
	m.trimmed = m.allocs
}
