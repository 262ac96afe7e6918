// Package api defines the JSON of the admin API (docs/admin-api.md) and the Client with
// which the commands call it. Package admin serves it.
//
// Guarantees: a Client connects only with its dial function and sends neither token nor
// name. An answer that is not relay's is an error, never an empty result. ErrUnreachable
// means that no relay answers, so a command can open the queue directory. A truncated list
// or backup is an error.
//
// Hazard: users' programs read these types. Renaming or removing a field breaks them.
package api
