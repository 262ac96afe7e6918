package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// stream is one answer of server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// streamWrite bounds how long a watcher may take to read one event.
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

// live streams the status to the page, once a sample.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	if n := s.streams.Add(1); n > maxWatchers {
		s.streams.Add(-1)
		writeError(w, http.StatusServiceUnavailable, "too_many_watchers", "too many pages watch already")
		return
	}
	defer s.streams.Add(-1)
	st := newStream(w)
	t := time.NewTicker(s.o.Interval)
	defer t.Stop()
	for {
		b, err := json.Marshal(s.Status())
		if err != nil || !st.send("status", b) {
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

// tail streams outcomes as they happen. A watcher that falls behind is told
// how many it missed.
func (s *Server) tail(w http.ResponseWriter, r *http.Request) {
	wt := s.o.Metrics.tail.watch()
	if wt == nil {
		writeError(w, http.StatusServiceUnavailable, "too_many_watchers", "too many watch already")
		return
	}
	defer s.o.Metrics.tail.leave(wt)
	st := newStream(w)
	t := time.NewTicker(15 * time.Second)
	defer t.Stop()
	for {
		ok := true
		select {
		case o := <-wt.ch:
			if n := wt.takeMissed(); n > 0 {
				ok = st.send("missed", fmt.Appendf(nil, `{"count":%d}`, n))
			}
			ok = ok && st.send("outcome", o.json())
		case <-t.C:
			ok = st.comment("still here")
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
