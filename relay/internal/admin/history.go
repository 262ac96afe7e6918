package admin

import (
	"context"
	"sync"
	"time"

	"relay/relay/internal/api"
)

// sample is a snapshot of the counters.
type sample struct {
	at        time.Time
	pending   int64
	kept      int64 // waiting in any lane, including dead letters
	bytes     int64
	dead      int64
	received  float64 // totals since the start
	delivered float64
	settled   float64
	lanes     map[string]float64 // settled, by lane
}

// history keeps series of the last hour and the last day in memory, for the rates and the
// charts of the page.
//
//	fine    every 5 s for 1 h      720 points
//	coarse  every 2 min for 24 h   720 points
type history struct {
	mu     sync.RWMutex
	recent []sample // a little more than the rate window
	fine   ring
	coarse ring
}

const (
	rateWindow   = 30 * time.Second
	keptSamples  = 64
	fineStep     = 5 * time.Second
	coarseStep   = 2 * time.Minute
	ringCapacity = 720
	slack        = 500 * time.Millisecond // allows a tick to come early
)

func newHistory() *history {
	return &history{fine: ring{step: fineStep}, coarse: ring{step: coarseStep}}
}

// add adds a sample. If time goes backwards (a corrected clock), the series start over.
func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.recent); n > 0 && !s.at.After(h.recent[n-1].at) {
		h.recent = h.recent[:0]
		h.fine.reset()
		h.coarse.reset()
	}
	h.recent = append(h.recent, s)
	for len(h.recent) > keptSamples || len(h.recent) > 2 && s.at.Sub(h.recent[1].at) >= rateWindow {
		h.recent = h.recent[1:]
	}
	h.fine.add(s)
	h.coarse.add(s)
}

// window returns the oldest and newest sample of the rate window; ok is false
// before there are two.
func (h *history) window() (first, last sample, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.recent) < 2 {
		return first, last, false
	}
	return h.recent[0], h.recent[len(h.recent)-1], true
}

// points returns the fine or the coarse series, oldest first.
func (h *history) points(coarse bool) []api.Point {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if coarse {
		return h.coarse.list()
	}
	return h.fine.list()
}

// perSecond returns the growth per second of a counter between two samples.
func perSecond(a, b float64, d time.Duration) float64 {
	if d <= 0 || b < a {
		return 0
	}
	return (b - a) / d.Seconds()
}

// ring is a series of the last ringCapacity points.
type ring struct {
	step   time.Duration
	last   sample
	have   bool
	points []api.Point
	head   int // index of the oldest point, once full
}

func (r *ring) reset() { *r = ring{step: r.step} }

func (r *ring) add(s sample) {
	if !r.have {
		r.last, r.have = s, true
		r.push(api.Point{At: s.at, Pending: s.pending, Dead: s.dead, Bytes: s.bytes})
		return
	}
	d := s.at.Sub(r.last.at)
	if d < r.step-slack {
		return
	}
	r.push(api.Point{
		At: s.at, Pending: s.pending, Dead: s.dead, Bytes: s.bytes,
		In:        perSecond(r.last.received, s.received, d),
		Delivered: perSecond(r.last.delivered, s.delivered, d),
	})
	r.last = s
	r.last.lanes = nil
}

func (r *ring) push(p api.Point) {
	if len(r.points) < ringCapacity {
		r.points = append(r.points, p)
		return
	}
	r.points[r.head] = p
	r.head = (r.head + 1) % ringCapacity
}

func (r *ring) list() []api.Point {
	out := make([]api.Point, 0, len(r.points))
	out = append(out, r.points[r.head:]...)
	return append(out, r.points[:r.head]...)
}

// sample adds a sample every Interval until ctx ends.
func (s *Server) sample(ctx context.Context) {
	t := time.NewTicker(s.o.Interval)
	defer t.Stop()
	for {
		s.history.add(s.look())
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
