package admin

import (
	"net/http"
	"net/http/pprof"

	"relay/relay/internal/admin/page"
)

// handler lists every address and what it needs.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	needs := map[string]access{}
	add := func(pattern string, need access, h http.HandlerFunc) {
		needs[pattern] = need
		mux.Handle(pattern, s.guard.wrap(need, s.audited(pattern, need, h)))
	}
	add("GET /livez", accessHealth, s.livez)
	add("GET /readyz", accessHealth, s.readyz)
	add("GET /healthz", accessHealth, s.readyz)
	add("GET /metrics", accessMetrics, s.o.Metrics.Handler().ServeHTTP)

	add("GET /api/v1/ping", accessOpen, s.ping)
	add("GET /api/v1/status", accessRead, s.getStatus)
	add("GET /api/v1/history", accessRead, s.getHistory)
	add("GET /api/v1/live", accessRead, s.live)
	add("GET /api/v1/tail", accessSecret, s.tail)
	add("GET /api/v1/lanes", accessRead, s.getLanes)
	add("GET /api/v1/stores", accessRead, s.getStores)
	add("POST /api/v1/lanes/{lane}/pause", accessChange, s.pauseLane)
	add("POST /api/v1/lanes/{lane}/resume", accessChange, s.resumeLane)
	add("POST /api/v1/lanes/{lane}/move", accessChange, s.moveLane)
	add("POST /api/v1/lanes/{lane}/drop", accessChange, s.dropLane)

	add("GET /api/v1/dead", accessSecret, s.listDead)
	add("GET /api/v1/dead/summary", accessSecret, s.deadSummary)
	add("GET /api/v1/dead/export", accessSecret, s.exportDead)
	add("POST /api/v1/dead/retry", accessChange, s.retryDead)
	add("POST /api/v1/dead/drop", accessChange, s.dropDead)
	add("GET /api/v1/dead/{id}", accessSecret, s.showDead)

	add("GET /api/v1/queue", accessRead, s.getQueue)
	add("GET /api/v1/queue/events", accessSecret, s.listQueue)
	add("GET /api/v1/queue/events/{id}", accessSecret, s.showQueue)
	add("GET /api/v1/queue/export", accessSecret, s.exportQueue)

	add("GET /api/v1/receipts", accessSecret, s.getReceipts)
	add("GET /api/v1/mapping", accessSecret, s.getMapping)
	add("GET /api/v1/imports/{key}", accessSecret, s.imports(s.importState))
	add("POST /api/v1/imports/{key}", accessChange, s.imports(s.importEvents))
	add("POST /api/v1/imports/{key}/state", accessChange, s.imports(s.setImportState))
	add("POST /api/v1/imports/{key}/report", accessChange, s.imports(s.addImportReport))
	add("POST /api/v1/reload", accessChange, s.reload)
	add("POST /api/v1/forget", accessChange, s.forget)
	add("POST /api/v1/backup", accessChange, s.backup)
	add("GET /api/v1/support", accessSecret, s.support)

	add("POST /api/v1/page", accessChange, s.pageLink)
	add("POST /api/v1/session", accessSignIn, s.signIn)
	add("POST /api/v1/session/end", accessChange, s.signOut)

	add("GET /{$}", accessOpen, func(w http.ResponseWriter, _ *http.Request) { page.Write(w, s.o.Build.Version) })
	add("GET /assets/{file...}", accessOpen, func(w http.ResponseWriter, r *http.Request) {
		if !page.WriteAsset(w, r.PathValue("file")) {
			writeError(w, http.StatusNotFound, "unknown_path", "there is nothing at this address")
		}
	})
	if s.o.Pprof {
		add("GET /debug/pprof/", accessSecret, pprof.Index)
		add("GET /debug/pprof/cmdline", accessSecret, pprof.Cmdline)
		add("GET /debug/pprof/profile", accessSecret, pprof.Profile)
		add("GET /debug/pprof/symbol", accessSecret, pprof.Symbol)
		add("GET /debug/pprof/trace", accessSecret, pprof.Trace)
	}
	add("/", accessOpen, func(w http.ResponseWriter, r *http.Request) {
		writeError(w, http.StatusNotFound, "unknown_path", "there is nothing at this address; see GET /api/v1/status")
	})
	return s.methodErrors(mux, needs)
}

// methodErrors gives the mux's own 405 the form of every other error, to whoever
// may know that the address is there.
func (s *Server) methodErrors(mux *http.ServeMux, needs map[string]access) http.Handler {
	known := []string{http.MethodGet, http.MethodPost}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, pattern := mux.Handler(r)
		if pattern != "/" || r.URL.Path == "/" && r.Method == http.MethodGet {
			mux.ServeHTTP(w, r)
			return
		}
		for _, m := range known {
			other := r.Clone(r.Context())
			other.Method = m
			if _, p := mux.Handler(other); p != "/" && p != "" && m != r.Method {
				s.guard.wrap(min(needs[p], accessOpen), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Allow", m)
					writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this address takes "+m)
				})).ServeHTTP(w, r)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}
