package admin

import (
	"net/http"
	"net/http/pprof"

	"relay/relay/internal/admin/access"
	"relay/relay/internal/admin/page"
)

// routes returns every route with the permission it requires.
func (s *Server) routes() *access.Routes {
	routes := s.access.Routes()
	add := routes.Add
	add("GET /livez", access.Health, s.livez)
	add("GET /readyz", access.Health, s.readyz)
	add("GET /healthz", access.Health, s.readyz)
	add("GET /metrics", access.Metrics, s.o.Metrics.Handler().ServeHTTP)

	add("GET /api/v1/ping", access.Anybody, s.ping)
	add("GET /api/v1/status", access.Numbers, s.getStatus)
	add("GET /api/v1/history", access.Numbers, s.getHistory)
	add("GET /api/v1/live", access.Numbers, s.live)
	add("GET /api/v1/tail", access.Contents, s.tail)
	add("GET /api/v1/lanes", access.Numbers, s.getLanes)
	add("GET /api/v1/stores", access.Numbers, s.getStores)
	add("POST /api/v1/lanes/{lane}/pause", access.Change, s.whereDelivered(s.pauseLane))
	add("POST /api/v1/lanes/{lane}/resume", access.Change, s.whereDelivered(s.resumeLane))
	add("POST /api/v1/lanes/{lane}/move", access.Change, s.whereDelivered(s.moveLane))
	add("POST /api/v1/lanes/{lane}/drop", access.Change, s.whereDelivered(s.dropLane))

	add("GET /api/v1/dead", access.Contents, s.listDead)
	add("GET /api/v1/dead/summary", access.Contents, s.deadSummary)
	add("GET /api/v1/dead/export", access.Contents, s.exportDead)
	add("POST /api/v1/dead/import", access.Change, s.importDead)
	add("POST /api/v1/dead/retry", access.Change, s.retryDead)
	add("POST /api/v1/dead/drop", access.Change, s.dropDead)
	add("GET /api/v1/dead/{id}", access.Contents, s.showDead)

	add("GET /api/v1/queue", access.Numbers, s.getQueue)
	add("GET /api/v1/queue/events", access.Contents, s.listQueue)
	add("GET /api/v1/queue/events/{id}", access.Contents, s.showQueue)
	add("GET /api/v1/queue/export", access.Contents, s.exportQueue)

	add("GET /api/v1/receipts", access.Contents, s.getReceipts)
	add("GET /api/v1/mapping", access.Contents, s.getMapping)
	add("GET /api/v1/imports/{key}", access.Contents, s.imports(s.importState))
	add("POST /api/v1/imports/{key}", access.Change, s.imports(s.importEvents))
	add("POST /api/v1/imports/{key}/state", access.Change, s.imports(s.setImportState))
	add("POST /api/v1/imports/{key}/report", access.Change, s.imports(s.addImportReport))
	add("POST /api/v1/reload", access.Change, s.reload)
	add("POST /api/v1/forward/replay", access.Change, s.replay)
	add("POST /api/v1/forget", access.Change, s.whereDelivered(s.forget))
	add("POST /api/v1/backup", access.Change, s.backup)
	add("GET /api/v1/support", access.Contents, s.support)

	add("POST /api/v1/page", access.Change, s.pageLink)
	add("POST /api/v1/session", access.SignIn, s.signIn)
	add("POST /api/v1/session/end", access.Change, s.signOut)

	add("GET /{$}", access.Anybody, func(w http.ResponseWriter, _ *http.Request) { page.Write(w, s.o.Build.Version) })
	add("GET /assets/{file...}", access.Anybody, func(w http.ResponseWriter, r *http.Request) {
		if !page.WriteAsset(w, r.PathValue("file")) {
			access.WriteError(w, http.StatusNotFound, "unknown_path", "this address does not exist")
		}
	})
	if s.o.Pprof {
		add("GET /debug/pprof/", access.Contents, pprof.Index)
		add("GET /debug/pprof/cmdline", access.Contents, pprof.Cmdline)
		add("GET /debug/pprof/profile", access.Contents, pprof.Profile)
		add("GET /debug/pprof/symbol", access.Contents, pprof.Symbol)
		add("GET /debug/pprof/trace", access.Contents, pprof.Trace)
	}
	add("/", access.Anybody, func(w http.ResponseWriter, r *http.Request) {
		access.WriteError(w, http.StatusNotFound, "unknown_path", "this address does not exist; see GET /api/v1/status")
	})
	return routes
}
