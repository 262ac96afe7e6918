package access

import (
	"cmp"
	"net/http"
	"time"
)

// Routes are the routes of the admin side with the permission that each requires.
type Routes struct {
	s     *Server
	mux   *http.ServeMux
	needs map[string]Need

	orders *listener // stands for the orders of other relays
}

// Routes returns an empty list of routes.
func (s *Server) Routes() *Routes {
	return &Routes{s: s, mux: http.NewServeMux(), needs: map[string]Need{}, orders: &listener{kind: kindOrder, local: true, conns: newConns(1)}}
}

// Add adds a handler for a pattern of net/http (method and path), which requires need.
func (r *Routes) Add(pattern string, need Need, h http.HandlerFunc) {
	r.needs[pattern] = need
	r.mux.Handle(pattern, r.s.guard.wrap(need, r.s.audited(pattern, need, h)))
}

// handler returns the mux, with its own 405 errors in relay's format for callers who are
// allowed to know that the route exists.
func (r *Routes) handler() http.Handler {
	known := []string{http.MethodGet, http.MethodPost}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.RequestURI == "*" { // ServeMux would answer without a body
			WriteError(w, http.StatusNotFound, "not_found", "this path does not exist")
			return
		}
		_, pattern := r.mux.Handler(req)
		if pattern != "/" || req.URL.Path == "/" && req.Method == http.MethodGet {
			r.mux.ServeHTTP(w, req)
			return
		}
		for _, m := range known {
			other := req.Clone(req.Context())
			other.Method = m
			if _, p := r.mux.Handler(other); p != "/" && p != "" && m != req.Method {
				r.s.guard.wrap(min(r.needs[p], Anybody), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Allow", m)
					WriteError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this address accepts only "+m)
				})).ServeHTTP(w, req)
				return
			}
		}
		r.mux.ServeHTTP(w, req)
	})
}

// audited wraps a route with the accounting of connections and the audit log.
func (s *Server) audited(pattern string, need Need, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, l := CallerOf(r), listenerOf(r)
		u := useAnybody
		rc := http.NewResponseController(w)
		var slow time.Duration
		if c.SignedIn {
			u, slow = useSigned, s.patience
			rc.SetWriteDeadline(time.Time{})
			defer func() { rc.SetWriteDeadline(time.Now().Add(slow)) }() // for the buffered rest of the answer
		}
		defer l.conns.answer(r.Context(), u)()
		rec := &recorder{ResponseWriter: w, rc: rc, slow: slow}
		rec.line = auditLine{Who: c.who, Call: pattern}
		if o := OrderOf(r); o != nil {
			rec.line.AskedAt = o.At
			defer func() {
				if out, ok := w.(*orderAnswer); ok {
					out.count, out.dryRun = rec.line.Count, rec.line.DryRun
				}
			}()
		}
		if name := r.PathValue("lane"); name != "" && s.lane != nil {
			rec.line.EventSet = s.lane(name)
		}
		if need >= Contents {
			defer func() {
				rec.line.Time, rec.line.Status = time.Now().UTC(), cmp.Or(rec.line.Status, http.StatusOK) // an empty list writes no header
				if rec.line.Who == "" {                                                                   // not signed in: nothing was shown or changed
					s.audit.refused(rec.line)
					return
				}
				s.audit.write(rec.line)
			}()
		}
		h.ServeHTTP(rec, r)
	})
}
