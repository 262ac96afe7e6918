// Package sandbox simulates the part of Meta's Graph API that receives
// conversions, in both wire formats, with every rule, error and failure
// in docs/meta.md. `relay demo`, `relay sandbox` and the tests use it. It is
// strict: Meta should accept everything that it accepts. Where Meta's
// behaviour is unknown it refuses, and the rule is marked I.
//
//	s, err := sandbox.New(sandbox.Options{})
//	go s.Serve(ctx, ln)          // or use s as an http.Handler
//	s.SetMode(sandbox.Down)      // cuts all connections at once
//
// # What it guarantees
//
//   - It does not test itself: each rule of conversions.go, userdata.go and
//     offline.go names its source section, and its tests are requests
//     and answers written by hand.
//   - All or nothing: a request with one bad event is refused, and none of its
//     events is recorded.
//   - Accepting and answering are separate: accepted events are recorded even if
//     the answer never arrived (cut_after, hang_after, lost_rate), so a test
//     can distinguish a lost event from a lost answer.
//   - Tokens are stored as hashes and appear in no output.
//
// # What can hurt you
//
//   - All state is in memory and is lost with the process.
//   - As an http.Handler behind another server, Down cuts a connection only
//     when a request arrives on it; Serve cuts them all, idle ones too.
//   - To refuse connections, close the listener, and later Serve a new one
//     on the same address.
//   - The rules of the legacy format come from Meta's own old client, not from Meta.
//     The format works here in versions up to v16.0 (legacy_gone disables it, as Meta did in 2025).
//
// # Graph API side
//
//	POST /{version}/{event set}/events       JSON, form, multipart or query; data of objects or of texts
//	POST /{version}/{event set}/validate     legacy: dry run
//	POST /{version}/{event set}/uploads      legacy: upload_tag -> upload id; GET finds it
//	GET  /{version}/{event set}              id, name, is_consolidated_container
//	GET  /{version}/me/permissions           what the token was granted
//
// # Control side
//
//	GET  /                   a page: what was received, newest first
//	GET  /sandbox/mode       Settings
//	POST /sandbox/mode       {"mode":"throttle","regain_minutes":2,"requests":3}
//	                         merged into the settings; absent members stay, a set given as null is removed:
//	                         {"sets":{"701000000000001":{"mode":"token"},"702000000000001":null}}
//	POST /sandbox/tokens     {"token one":"ok","token two":"expired"}; {} = every token is good
//	GET  /sandbox/stats      counts
//	GET  /sandbox/events     ?set= &name= &id= &limit=   JSON lines of Received
//	GET  /sandbox/calls      ?after= &limit=             JSON lines of Call
//	POST /sandbox/verify     ids (a JSON list, or one a line) -> missing, unexpected, repeated, changed; ?set=
//	POST /sandbox/reset      deletes received events; settings and tokens stay
//	GET  /sandbox/rules      ?api=offline                rules with their sources
//	GET  /sandbox/scenario   the current phase of the scenario
//
// An error of the control side is {"success":false,"message":"…"}.
package sandbox
