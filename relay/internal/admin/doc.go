// Package admin serves the second listener: what an operator, a dashboard and the
// commands see of a running relay, and what they can do with it. Package api is what
// it says; docs/admin-api.md lists the calls.
//
//	page ─┐                       ┌─► queue   (depth, dead letters, redrive, backup)
//	CLI ──┼─► guard ─► /api/v1/ ──┼─► drain   (lanes: state, pause, resume)
//	curl ─┘                       ├─► sidecar (reload, files)
//	Prometheus ─► /metrics ───────┴─► metrics ◄── hooks ── ingest, drain
//
// What it guarantees (docs/contract.md 3):
//
//   - Health, metrics and numbers need no token on loopback. What shows an event, a
//     letter or a file's text, names a person or changes state needs the control
//     socket, the token or a session. An address off loopback needs token and TLS.
//   - No web page from elsewhere is answered: Host (DNS rebinding), Origin and
//     Sec-Fetch-Site are checked, every change wants a header that no form can send,
//     nothing may be framed, nothing is cached.
//   - Events are masked unless the whole body is asked for (package privacy).
//   - Readiness says whether an event can be stored durably now; it never
//     depends on Meta.
//
// What can hurt you:
//
//   - Charts, totals and the outcomes of tail are kept in memory only and
//     start over with the process.
//   - Lists are read in pages while the queue changes: a letter redriven
//     meanwhile may be missing.
//   - A backup is put together beside the queue first and needs as much space again.
package admin
