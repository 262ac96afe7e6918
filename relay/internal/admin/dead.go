package admin

import (
	"net/http"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/admin/records"
	"relay/relay/internal/advice"
	"relay/relay/internal/api"
	"relay/relay/internal/drain"
	"relay/relay/internal/privacy"
	"relay/relay/internal/track"
)

func deadFilter(r *http.Request, now time.Time) (api.DeadFilter, error) {
	q := r.URL.Query()
	f := api.DeadFilter{
		IDs: q["id"], Reason: q.Get("reason"), Event: q.Get("event"), EventSet: q.Get("event_set"),
		Search: q.Get("search"), After: q.Get("after"),
	}
	var err error
	if v := q.Get("since"); v != "" {
		if f.Since, err = parseSince(v, now); err != nil {
			return f, err
		}
	}
	f.Limit, err = intParam(r, "limit", 0)
	return f, err
}

func (s *Server) listDead(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := records.EachLetter(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(records.Letter(d)) }); err != nil {
		out.abort(s, err)
	}
}

func (s *Server) exportDead(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	out := newLines(w)
	if err := records.EachLetter(s.o.Queue, f, func(d queue.DeadLetter) bool { return out.write(records.Exported(d)) }); err != nil {
		out.abort(s, err)
	}
}

func (s *Server) deadSummary(w http.ResponseWriter, r *http.Request) {
	f, err := deadFilter(r, s.o.Now())
	if err != nil {
		s.fail(w, err)
		return
	}
	sum, err := s.summary(f)
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, sum)
}

func (s *Server) summary(f api.DeadFilter) (api.DeadSummary, error) {
	sum := api.DeadSummary{Plain: advice.Reasons(), Reasons: map[string]int{}, Events: map[string]int{}, EventSets: map[string]int{}}
	err := records.EachLetter(s.o.Queue, f, func(d queue.DeadLetter) bool {
		sum.Total++
		sum.Reasons[d.Reason]++
		sum.Events[privacy.ShowEvent(d.Event, d.EventSet != "")]++
		sum.EventSets[d.EventSet]++
		return true
	})
	return sum, err
}

func (s *Server) showDead(w http.ResponseWriter, r *http.Request) {
	full := r.URL.Query().Get("body") == "full"
	d, err := s.o.Queue.DeadLetter(r.PathValue("id"))
	if err != nil {
		s.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, records.WholeLetter(d, full))
}

func (s *Server) deadAction(w http.ResponseWriter, r *http.Request) (api.DeadAction, bool) {
	var a api.DeadAction
	if err := readJSON(w, r, &a); err != nil {
		s.fail(w, err)
		return a, false
	}
	if a.Empty() && !a.All {
		s.fail(w, badf("name the dead letters: give ids, a filter, or all"))
		return a, false
	}
	return a, true
}

func (s *Server) retryDead(w http.ResponseWriter, r *http.Request) {
	a, ok := s.deadAction(w, r)
	if !ok {
		return
	}
	res, err := records.Retry(s.o.Queue, s.o.foresight(), a)
	if err != nil {
		s.fail(w, err)
		return
	}
	if res.Unrouted > 0 {
		res.WhyStay = advice.Unrouted(s.o.Forwards)
	}
	if !a.DryRun {
		s.o.Metrics.Redriven("operator", res.Redriven)
		s.o.Logger.Info("dead letters redriven", "code", logs.DeadRedriven, "matched", res.Matched, "redriven", res.Redriven, "unrouted", res.Unrouted)
		if s.o.Drain != nil && res.Redriven > 0 {
			s.o.Drain.Wake(drain.Changed)
		}
	}
	writeJSON(w, http.StatusOK, res)
}

func (s *Server) dropDead(w http.ResponseWriter, r *http.Request) {
	a, ok := s.deadAction(w, r)
	if !ok {
		return
	}
	res, err := records.Drop(s.o.Queue, a)
	if err != nil {
		s.fail(w, err)
		return
	}
	if !a.DryRun {
		s.o.Logger.Warn("dead letters dropped by an operator", "code", logs.DeadDropped, "matched", res.Matched, "dropped", res.Dropped)
	}
	writeJSON(w, http.StatusOK, res)
}

// importDead stores dead letters of another relay. They become dead letters here at once,
// or at the next start if relay is not running.
func (s *Server) importDead(w http.ResponseWriter, r *http.Request) {
	a, err := s.takeLetters(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	if s.o.Drain != nil && a.Stored > 0 {
		s.o.Drain.Wake(drain.Changed)
	}
	writeJSON(w, http.StatusOK, api.Imported{Success: true, Stored: a.Stored, Duplicates: a.Duplicates})
}

func (s *Server) takeLetters(w http.ResponseWriter, r *http.Request) (queue.Appended, error) {
	var in api.DeadImport
	if s.o.Imports == nil {
		return queue.Appended{}, badf("this relay does not accept imports")
	}
	if err := readJSONUpTo(w, r, &in, maxImport); err != nil {
		return queue.Appended{}, err
	}
	if len(in.Letters) == 0 {
		return queue.Appended{}, badf("letters: expected at least one")
	}
	entries := make([]queue.Entry, len(in.Letters))
	for i := range in.Letters {
		d, err := records.Imported(&in.Letters[i], in.Store)
		if err == nil {
			entries[i], err = track.LetterEntry(d)
		}
		if err != nil {
			return queue.Appended{}, badf("letters[%d]: %v", i, err)
		}
	}
	return s.o.Imports.Append(r.Context(), entries)
}
