package admin

import (
	"net/http"

	"relay/queue"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/api"
)

func (s *Server) getQueue(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, s.Status().Queue)
}

func (s *Server) queueFilter(r *http.Request) (api.QueueFilter, error) {
	q := r.URL.Query()
	f := api.QueueFilter{EventSet: q.Get("event_set"), Event: q.Get("event")}
	var err error
	if f.EventSet != "" && f.EventSet != queue.LaneUnmapped && f.EventSet != queue.LaneKept {
		if f.EventSet, err = s.findLane(f.EventSet); err != nil {
			return f, err
		}
	}
	if v := q.Get("since"); v != "" {
		if f.Since, err = parseSince(v, s.o.Now()); err != nil {
			return f, err
		}
	}
	f.Limit, err = intParam(r, "limit", 0)
	return f, err
}

func (s *Server) listQueue(w http.ResponseWriter, r *http.Request) {
	s.eachQueued(w, r, records.Waiting)
}

func (s *Server) exportQueue(w http.ResponseWriter, r *http.Request) {
	s.eachQueued(w, r, func(rec queue.Record) api.Queued { return records.WholeWaiting(rec, true) })
}

func (s *Server) eachQueued(w http.ResponseWriter, r *http.Request, form func(queue.Record) api.Queued) {
	f, err := s.queueFilter(r)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := records.EachWaiting(s.o.Queue, f, func(rec queue.Record) bool { return out.write(form(rec)) }); err != nil {
		out.abort(s, err)
	}
}

func (s *Server) showQueue(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Query().Get("body") == "full"
	id, err := records.ParseSeq(r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	rec, err := records.Find(s.o.Queue, id)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, records.WholeWaiting(rec, full))
}
