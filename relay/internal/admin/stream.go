package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"relay/relay/internal/admin/access"
)

// stream is an answer of server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// streamWrite is how long a client can take to read an event.
const streamWrite = 10 * time.Second

func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	st := &stream{w: w, rc: http.NewResponseController(w)}
	st.rc.SetReadDeadline(time.Time{})
	st.comment("hello")
	return st
}

func (st *stream) send(event string, data []byte) bool {
	st.rc.SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := fmt.Fprintf(st.w, "event: %s\ndata: %s\n\n", event, data)
	return err == nil && st.rc.Flush() == nil
}

func (st *stream) comment(text string) bool {
	st.rc.SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := fmt.Fprintf(st.w, ": %s\n\n", text)
	return err == nil && st.rc.Flush() == nil
}

// mostWatchers is the most streams of one kind. Beyond that, a page gets the status once and
// polls, and a new tail ends the oldest one, so that no client locks out another.
const mostWatchers = 24

// watchers are the open streams, by kind.
type watchers struct {
	mu  sync.Mutex
	all map[string][]*watching
}

type watching struct{ over chan struct{} }

// enter adds a stream of a kind. If there are too many, it ends the oldest one, or with
// refuse it adds none and returns false.
func (ws *watchers) enter(kind string, refuse bool) (w *watching, leave func(), ok bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	list := ws.all[kind]
	if len(list) >= mostWatchers {
		if refuse {
			return nil, func() {}, false
		}
		close(list[0].over)
		list = list[1:]
	}
	if ws.all == nil {
		ws.all = map[string][]*watching{}
	}
	w = &watching{over: make(chan struct{})}
	ws.all[kind] = append(slices.Clone(list), w)
	return w, func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		ws.all[kind] = slices.DeleteFunc(ws.all[kind], func(o *watching) bool { return o == w })
	}, true
}

// live streams the status to the page, every Interval.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	_, leave, ok := s.watchers.enter("live "+access.WatchKind(r), true)
	defer leave()
	st := newStream(w)
	t := time.NewTicker(s.o.Interval)
	defer t.Stop()
	for {
		b, err := json.Marshal(s.statusFor(r))
		if err != nil || !st.send("status", b) {
			return
		}
		if !ok {
			st.send("later", []byte(`{"message":"too many streams are open; try again in a few seconds"}`))
			return
		}
		select {
		case <-t.C:
		case <-r.Context().Done():
			return
		case <-s.stopping:
			st.send("end", []byte(`{"message":"relay is stopping"}`))
			return
		}
	}
}

// tail streams outcomes as they happen. A client that falls behind gets the number of
// outcomes it missed.
func (s *Server) tail(w http.ResponseWriter, r *http.Request) {
	place, leave, _ := s.watchers.enter("tail "+access.WatchKind(r), false)
	defer leave()
	wt := s.o.Metrics.Tail().Watch()
	defer s.o.Metrics.Tail().Leave(wt)
	st := newStream(w)
	t := time.NewTicker(15 * time.Second)
	defer t.Stop()
	for {
		ok := true
		select {
		case o := <-wt.C:
			if n := wt.Missed(); n > 0 {
				ok = st.send("missed", fmt.Appendf(nil, `{"count":%d}`, n))
			}
			b, _ := json.Marshal(o) // cannot fail: only strings and numbers
			ok = ok && st.send("outcome", b)
			access.CountLine(w)
		case <-t.C:
			ok = st.comment("still here")
		case <-place.over:
			st.send("end", []byte(`{"message":"too many streams are open, and this was the oldest"}`))
			return
		case <-r.Context().Done():
			return
		case <-s.stopping:
			st.send("end", []byte(`{"message":"relay is stopping"}`))
			return
		}
		if !ok {
			return
		}
	}
}
