package access

import (
	"cmp"
	"net/http"
	"time"
)

// Routes are the addresses of the admin side, each with what it needs.
type Routes struct {
	s     *Server
	mux   *http.ServeMux
	needs map[string]Need

	orders *listener // over which orders of other relays seem to come
}

// Routes begins a list of addresses.
func (s *Server) Routes() *Routes {
	return &Routes{s: s, mux: http.NewServeMux(), needs: map[string]Need{}, orders: &listener{kind: kindOrder, local: true, conns: newConns(1)}}
}

// Add makes h answer pattern (method and path, as net/http takes it) to whoever has
// what it needs.
func (r *Routes) Add(pattern string, need Need, h http.HandlerFunc) {
	r.needs[pattern] = need
	r.mux.Handle(pattern, r.s.guard.wrap(need, r.s.audited(pattern, need, h)))
}

// handler gives the mux's own 405 the form of every other error, to whoever may know
// that the address is there.
func (r *Routes) handler() http.Handler {
	known := []string{http.MethodGet, http.MethodPost}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.RequestURI == "*" { // ServeMux answers it with nothing
			WriteError(w, http.StatusNotFound, "not_found", "there is no such path")
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
					WriteError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this address takes "+m)
				})).ServeHTTP(w, req)
				return
			}
		}
		r.mux.ServeHTTP(w, req)
	})
}

// audited puts the connections and the audit log around a route.
func (s *Server) audited(pattern string, need Need, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, l := CallerOf(r), listenerOf(r)
		u := useAnybody
		rc := http.NewResponseController(w)
		var slow time.Duration
		if c.SignedIn {
			u, slow = useSigned, s.patience
			rc.SetWriteDeadline(time.Time{})
			defer func() { rc.SetWriteDeadline(time.Now().Add(slow)) }() // for what is still buffered
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
				rec.line.Time, rec.line.Status = time.Now().UTC(), cmp.Or(rec.line.Status, http.StatusOK) // an empty list writes nothing
				if rec.line.Who == "" {                                                                   // nobody signed in: nothing was shown or changed
					s.audit.refused(rec.line)
					return
				}
				s.audit.write(rec.line)
			}()
		}
		h.ServeHTTP(rec, r)
	})
}
