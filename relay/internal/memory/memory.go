// Package memory keeps the process small, because it shares its machine with the till, and
// reports when the process is about to exceed its memory limit.
package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Most of relay's memory is requests in progress; its long-lived data is small. So the heap
// can grow to heapFloor before a collection, from there by half of the live data, and near
// softLimit only if the live data needs it. After a burst of requests, free memory is
// returned to the system.
const (
	heapFloor = 16 << 20
	gcMost    = 400 // percent, for a heap much smaller than heapFloor
	gcLeast   = 50
	softLimit = 48 << 20
	trimWorth = 2 << 20 // bytes of free memory worth returning
	lookEvery = time.Second
)

// Bounds adjusts the garbage collector to the live data. One goroutine can use it.
type Bounds struct {
	ownPercent, ownLimit bool // GOGC, GOMEMLIMIT are not set
	percent              int
	limit                int64
	samples              []metrics.Sample
	allocs               uint64 // total bytes allocated at the last look
	trimmed              uint64 // total bytes allocated at the last trim
	restore              func()
}

// Tune sets the initial bounds, except for those that GOGC and GOMEMLIMIT set.
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

// Restore restores the bounds from before Tune.
func (m *Bounds) Restore() { m.restore() }

// Run adjusts the bounds until done is closed. It begins by returning the memory that only
// the start needed.
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

// look adjusts the bounds to the live data. It reports whether the process is idle and has
// free memory worth returning.
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
	// A limit close to the live data would only keep the collector busy.
	if limit := max(softLimit, int64(live)*4/3); m.ownLimit && (limit > m.limit || limit < m.limit*3/4) {
		m.limit = limit
		debug.SetMemoryLimit(limit)
	}
	idle := allocs-m.allocs < trimWorth
	m.allocs = allocs
	return idle && allocs-m.trimmed >= trimWorth && free+garbage >= trimWorth
}

func (m *Bounds) trim() {
	runtime.GC() // pooled buffers survive one collection
	debug.FreeOSMemory()
	m.trimmed = m.allocs
}
