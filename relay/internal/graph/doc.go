// Package graph is the client for Meta's Graph API. It turns one request into
// one Result and classifies every answer, so that a lane knows what to do.
//
//	POST {endpoint}/{version}/{event set}/events      application/json
//	{"data":[…],"access_token":"…","upload_tag":"…","test_event_code":"…",
//	 "partner_agent":"…","appsecret_proof":"…","appsecret_time":1764000000}
//
// # Guarantees
//
//   - The bytes of Request.Data are sent unchanged and in order. A retry with
//     the same Data is therefore the same conversions (docs/meta.md 5.3).
//   - The access token is in the body of an upload or in the Authorization
//     header of a read, and nowhere else: not in a URL, an error or a Message.
//   - Send returns no error and never panics; every outcome has a Class.
//     Delivered means that Meta reported as many events received as were sent.
//     Doubt means that Meta might have stored the events; no other error class
//     is used when that is possible.
//   - Message is safe to log and to show: no token, no e-mail address, no
//     hash, no long number, no quoted value, at most 600 bytes.
//   - The package logs nothing and starts no goroutine except those of
//     net/http. Close closes the idle connections.
//
// # How an answer becomes a Class
//
//	no answer ── before a byte of the request left ───────► Retry
//	          └─ after ───────────────────────────────────► Doubt
//	JSON with an error ── code and subcode ── Verdict ────► table of codes
//	JSON with a count ─── equals what was sent ───────────► Delivered
//	                  └── differs ────────────────────────► Doubt
//	anything else ─────── by HTTP status ── StatusVerdict ► Retry, Doubt, …
//
// When there is a code, the HTTP status and the error type are ignored:
// throttling and invalid tokens share both (docs/meta.md 6.4, 9.8). An answer
// with status 200 can contain an error too.
//
// # Pitfalls
//
//   - Doubt is not failure: Meta might have counted the events already. Send
//     the identical Data again, within 7 days (docs/meta.md 5.3).
//   - Bad lists the events that Meta blames. Only the legacy format documents
//     this (event_index); an index found in an error text is a hint. If the
//     blamed event is not the bad one, Meta refuses the rest of the batch again.
//   - Units: estimated_time_to_regain_access is in minutes, reset_time_duration
//     in seconds (docs/meta.md 7). RetryAfter is a Duration in both cases.
//   - A token made for sending cannot read (docs/meta.md 1.2): when ReadNode
//     fails with PermPause or ConfigPause, uploads can still work.
//   - The proxy settings of the environment are read once per process.
package graph
