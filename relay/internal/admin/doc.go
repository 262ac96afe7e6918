// Package admin is the second listener: what an operator, a dashboard and the
// commands see of a running relay, and the levers they have.
//
//	page ─┐                       ┌─► queue   (depth, dead letters, redrive, backup)
//	CLI ──┼─► guard ─► /api/v1/ ──┼─► drain   (lanes: state, pause, resume)
//	curl ─┘                       ├─► main    (reload, files)
//	Prometheus ─► /metrics ───────┴─► Metrics ◄── hooks ── ingest, drain
//
// What it guarantees (docs/contract.md 3):
//
//   - Health and metrics need no token. Reading is open on loopback and on a
//     unix socket. What changes state or shows a whole event needs the Bearer
//     token when one is set; on any other address everything else does too,
//     and New refuses such an address without a token.
//   - No web page from elsewhere is answered: Host (DNS rebinding), Origin and
//     Sec-Fetch-Site are checked, state changes must be JSON, nothing may be
//     framed, nothing is cached.
//   - Without the token, bodies are masked: shapes instead of values, except
//     for a list of properties that are not personal (mask.go).
//   - Readiness says whether an event can be stored durably now; it never
//     depends on Meta.
//   - Metrics and outcomes hold no personal data; label values are bounded.
//   - The page is one file with its script and style, all embedded; nothing is
//     asked of a third party.
//
// What can hurt you:
//
//   - Charts, totals and the outcomes of tail are kept in memory only and
//     start over with the process.
//   - Lists are read in pages while the queue goes on: a letter redriven
//     meanwhile may be missing.
//   - A backup is put together beside the queue first and needs its room again.
//
// # Addresses
//
// Errors are {"success":false,"code","message","error"}. Lists are JSON lines.
// POST takes Content-Type: application/json, or neither type nor body. T marks what needs the token.
//
//	GET  /livez  /readyz  /healthz     ?verbose; JSON when Accept asks for it
//	GET  /metrics                      Prometheus
//	GET  /                             the status page
//	GET  /api/v1/ping                  version, and whether a token is needed
//	GET  /api/v1/status                Status
//	GET  /api/v1/live                  Status as server-sent events (event: status)
//	GET  /api/v1/history?range=1h|24h  []Point
//	GET  /api/v1/tail                  Outcome as server-sent events (outcome, missed)
//	GET  /api/v1/lanes                 []LaneInfo
//	POST /api/v1/lanes/{id or name}/pause, resume                        T
//	POST /api/v1/lanes/{id or name}/move   {"to":"701…"}                 T
//	POST /api/v1/lanes/{id or name}/drop   {"confirm":"<id>"}            T
//	GET  /api/v1/dead                  Dead, oldest first; ?reason event event_set since search id after limit
//	GET  /api/v1/dead/summary          counts by reason, event, event set; same filters
//	GET  /api/v1/dead/{id}             DeadDetail, body masked; ?body=full  T
//	GET  /api/v1/dead/export           DeadDetail with bodies; same filters  T
//	POST /api/v1/dead/retry            DeadAction: {"ids":[…]} or filters or {"all":true}; "dry_run":true  T
//	POST /api/v1/dead/drop             the same                          T
//	GET  /api/v1/queue                 QueueInfo
//	GET  /api/v1/queue/events          Queued; ?event_set event since limit
//	GET  /api/v1/queue/events/{id}     Queued, body masked; ?body=full   T
//	GET  /api/v1/queue/export          Queued with bodies                T
//	GET  /api/v1/receipts?id=…         Sale: what became of an order id or messageId
//	GET  /api/v1/mapping               MappingText: in force, and what was refused
//	GET  /api/v1/imports/{key}         ImportState: how far the import of a file is
//	POST /api/v1/imports/{key}         ImportBatch: past events          T
//	POST /api/v1/imports/{key}/state   whatever the importer wants kept  T
//	POST /api/v1/reload                ReloadResult; 422 when refused    T
//	POST /api/v1/imports/{key}/report  ImportReport: where refused rows went  T
//	POST /api/v1/forget                Forget; "dry_run":true            T
//	POST /api/v1/backup                a tar file                        T
//	GET  /api/v1/support?wait=5        a zip file                        T
//	GET  /debug/pprof/                 only with admin.pprof             T
package admin
