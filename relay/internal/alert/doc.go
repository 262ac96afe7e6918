// Package alert notifies a person of problems that relay cannot fix by itself, for shops
// without Prometheus: by webhook, by a command, and in the log.
//
//	status ─Look─► conditions ─► Watch: begin, repeat, end ─► webhook, command, log
//
// Guarantees:
//
//   - One alert per condition (the constants in conditions.go), however many event
//     sets it concerns. It is sent when the condition begins, repeated at most once
//     per interval while it lasts, and sent as resolved when it is over. A stopped
//     event set counts as recovered only if an answer from Meta proves it, or if it
//     has no waiting events any more (held.go). The times are stored in the queue
//     directory, so that a relay that keeps restarting does not repeat its alerts.
//   - No personal data: an alert contains counts, ages, event set ids, file names
//     with line and column, and fixed words.
//   - Delivery never delays relay: it has its own goroutine, time limits, and no
//     queue. A failed delivery is retried until it succeeds or the condition is
//     over. Failures are logged without the URL, which is often a secret.
//   - The command gets the alert on standard input and only a few harmless
//     environment variables, so it cannot read a token from relay's environment.
//
// Hazards: a condition that begins and ends between two looks (Every) goes unnoticed.
// A webhook that answers 2xx counts as delivered, even if the message is lost later.
package alert
