// Package api is what the admin side of relay says over HTTP: the JSON of each
// answer and request (docs/admin-api.md), and the Client by which the commands ask.
// Package admin serves it.
//
// What it guarantees: a Client talks to whoever dial connects it to and to nobody
// else, and sends neither token nor name. An answer that is none of relay's is an
// error, never "nothing found"; ErrUnreachable says that nobody answers, so that a
// command may open the queue itself. A list or a backup that was cut is an error.
//
// Hazard: the types are what programs of users read. A field that is renamed or
// removed breaks them.
package api
