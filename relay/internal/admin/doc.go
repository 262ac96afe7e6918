// Package admin serves the second listener: the status page, health, metrics and the JSON
// API with which operators and commands inspect and control a running relay. Package api
// defines the JSON; docs/admin-api.md lists the calls.
//
//	page ─┐                       ┌─► queue   (depth, dead letters, redrive, backup)
//	CLI ──┼─► guard ─► /api/v1/ ──┼─► drain   (lanes: state, pause, resume)
//	curl ─┘                       ├─► sidecar (reload, files)
//	Prometheus ─► /metrics ───────┴─► metrics ◄── hooks ── ingest, drain
//
// Guarantees (docs/contract.md 3):
//
//   - Health, metrics and numbers need no token on loopback. Every call that shows an
//     event, a dead letter or a file's text, names a person or changes state needs the
//     control socket, the token or a session. An address off loopback needs token and TLS.
//   - Requests from other web sites are refused: Host (DNS rebinding), Origin and
//     Sec-Fetch-Site are checked, every change requires a header that no form can send,
//     nothing can be framed, nothing is cached.
//   - Events are masked unless the full body is requested (package privacy).
//   - Readiness reports whether an event can be stored durably now. It never depends on
//     Meta.
//
// Hazards:
//
//   - Charts, totals and outcomes are in memory only and start over with the process.
//   - Lists are read in pages while the queue changes: a letter that is redriven
//     meanwhile can be missing.
//   - A backup is first copied beside the queue, which needs the same space again.
package admin
