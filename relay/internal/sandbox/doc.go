// Package sandbox is a simulator of Meta's Graph API: enough of it to upload
// conversions to, in both wire formats, with every rule, error and failure
// that docs/meta.md knows. It serves `relay demo`, `relay sandbox` and
// the tests. It is strict: what it takes, Meta should take. Where nothing is
// known it refuses, and the rule says so (mark I).
//
//	s, err := sandbox.New(sandbox.Options{})
//	go s.Serve(ctx, ln)          // or use s as an http.Handler
//	s.SetMode(sandbox.Down)      // the line is cut, at once
//
// # What it guarantees
//
//   - It is no judge of itself: each rule of conversions.go, userdata.go and
//     offline.go names the section it comes from, and its tests are requests
//     and answers written by hand.
//   - All or nothing: one bad event refuses its whole request, and nothing of
//     it is recorded.
//   - Accepted and answered are separate: what was taken is on record even if
//     the answer never arrived (cut_after, hang_after, lost_rate), so a test
//     can tell a lost event from a lost answer.
//   - Tokens are kept as hashes and appear in no output.
//
// # What can hurt you
//
//   - Everything is in memory, and gone with the process.
//   - As an http.Handler behind another server, Down cuts a connection only
//     when a request arrives on it; Serve cuts them all, idle ones too.
//   - Connections are refused only if nobody listens: close the listener, and
//     Serve a new one on the same address later.
//   - The legacy format is judged by Meta's own old client, not by Meta; it is
//     alive here in versions up to v16.0 (legacy_gone ends it, as 2025 did).
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
//	                         merged into the settings; a member left out stays, a set given as null goes:
//	                         {"sets":{"701000000000001":{"mode":"token"},"702000000000001":null}}
//	POST /sandbox/tokens     {"token one":"ok","token two":"expired"}; {} = every token is good
//	GET  /sandbox/stats      counts
//	GET  /sandbox/events     ?set= &name= &id= &limit=   JSON lines of Received
//	GET  /sandbox/calls      ?after= &limit=             JSON lines of Call
//	POST /sandbox/verify     ids (a JSON list, or one a line) -> missing, unexpected, repeated, changed; ?set=
//	POST /sandbox/reset      forgets what was received; settings and tokens stay
//	GET  /sandbox/rules      ?api=offline                rules with their sources
//	GET  /sandbox/scenario   the phase of the scenario that plays
//
// An error of the control side is {"success":false,"message":"…"}.
package sandbox
