// Package graph is relay's client of Meta's Graph API: one request in, one
// Result out, and the table that says what a lane does about every answer.
//
//	POST {endpoint}/{version}/{event set}/events      application/json
//	{"data":[…],"access_token":"…","upload_tag":"…","test_event_code":"…",
//	 "partner_agent":"…","appsecret_proof":"…","appsecret_time":1764000000}
//
// # What it guarantees
//
//   - The bytes of Request.Data go out as they came in, in their order: a
//     retry with the same Data is the same conversions (docs/meta.md 5.3).
//   - The access token is in the body of an upload, in the Authorization
//     header of a read, and nowhere else: not in a URL, an error, a Message.
//   - Send never returns an error and never panics; whatever happens has a
//     Class. Delivered means that Meta said it received as many events as
//     were sent. Everything that may have been stored without our knowing is
//     Doubt; everything that cannot have been is not.
//   - Message is safe to log and to show: no token, no e-mail address, no
//     hash, no long number, no quoted value, at most 600 bytes.
//   - The package logs nothing and starts no goroutine of its own beyond
//     those of net/http; Close ends the idle connections.
//
// # How an answer becomes a Class
//
//	no answer ── before a byte of the request left ───────► Retry
//	          └─ after ───────────────────────────────────► Doubt
//	JSON with an error ── code and subcode ── Verdict ────► the table
//	JSON with a count ─── equals what was sent ───────────► Delivered
//	                  └── differs ────────────────────────► Doubt
//	anything else ─────── by HTTP status ── StatusVerdict ► Retry, Doubt, …
//
// HTTP status and error type never decide when there is a code: throttling
// and dead tokens share both (docs/meta.md 6.4, 9.8). An error is
// looked for in answers of status 200 too.
//
// # What can hurt you
//
//   - Doubt is not failure: the events may be counted at Meta already. Send
//     the identical Data again, within 7 days (docs/meta.md 5.3).
//   - Bad is Meta's word on which event is bad. It is documented only for the
//     legacy format (event_index); paths in a text are a help, not a promise.
//     Isolate, do not trust blindly: an event that is not the bad one leaves
//     the rest of the batch refused again.
//   - Units: estimated_time_to_regain_access is minutes, reset_time_duration
//     seconds (docs/meta.md 7). RetryAfter has both as a Duration.
//   - A token made for sending cannot read (docs/meta.md 1.2): ReadNode
//     failing with PermPause or ConfigPause says nothing about uploads.
//   - The proxy settings of the environment are read once per process.
package graph
