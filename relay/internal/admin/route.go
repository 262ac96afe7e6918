package admin

import (
	"net/http"
	"net/http/pprof"
)

// handler lists every address and what it needs.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern string, need access, h http.HandlerFunc) {
		mux.Handle(pattern, s.guard.wrap(need, h))
	}
	add("GET /livez", accessHealth, s.livez)
	add("GET /readyz", accessHealth, s.readyz)
	add("GET /healthz", accessHealth, s.readyz)
	add("GET /metrics", accessMetrics, s.o.Metrics.handler().ServeHTTP)

	add("GET /api/v1/ping", accessRead, s.ping)
	add("GET /api/v1/status", accessRead, s.getStatus)
	add("GET /api/v1/history", accessRead, s.getHistory)
	add("GET /api/v1/live", accessRead, s.live)
	add("GET /api/v1/tail", accessRead, s.tail)
	add("GET /api/v1/lanes", accessRead, s.getLanes)
	add("POST /api/v1/lanes/{lane}/pause", accessSecret, s.pauseLane)
	add("POST /api/v1/lanes/{lane}/resume", accessSecret, s.resumeLane)
	add("POST /api/v1/lanes/{lane}/move", accessSecret, s.moveLane)
	add("POST /api/v1/lanes/{lane}/drop", accessSecret, s.dropLane)

	add("GET /api/v1/dead", accessRead, s.listDead)
	add("GET /api/v1/dead/summary", accessRead, s.deadSummary)
	add("GET /api/v1/dead/export", accessSecret, s.exportDead)
	add("POST /api/v1/dead/retry", accessSecret, s.retryDead)
	add("POST /api/v1/dead/drop", accessSecret, s.dropDead)
	add("GET /api/v1/dead/{id}", accessRead, s.showDead)

	add("GET /api/v1/queue", accessRead, s.getQueue)
	add("GET /api/v1/queue/events", accessRead, s.listQueue)
	add("GET /api/v1/queue/events/{id}", accessRead, s.showQueue)
	add("GET /api/v1/queue/export", accessSecret, s.exportQueue)

	add("GET /api/v1/receipts", accessRead, s.getReceipts)
	add("GET /api/v1/mapping", accessRead, s.getMapping)
	add("GET /api/v1/imports/{key}", accessRead, s.imports(s.importState))
	add("POST /api/v1/imports/{key}", accessSecret, s.imports(s.importEvents))
	add("POST /api/v1/imports/{key}/state", accessSecret, s.imports(s.setImportState))
	add("POST /api/v1/reload", accessSecret, s.reload)
	add("POST /api/v1/forget", accessSecret, s.forget)
	add("POST /api/v1/backup", accessSecret, s.backup)
	add("GET /api/v1/support", accessSecret, s.support)

	add("GET /{$}", accessOpen, s.page)
	add("GET /assets/{file...}", accessOpen, s.asset)
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
	return methodErrors(mux)
}

// methodErrors gives the mux's own 405 the form of every other error.
func methodErrors(mux *http.ServeMux) http.Handler {
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
				setHeaders(w.Header())
				w.Header().Set("Allow", m)
				writeError(w, http.StatusMethodNotAllowed, "method_not_allowed", "this address takes "+m)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}
