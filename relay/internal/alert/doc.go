// Package alert tells a person what relay cannot fix by itself, for shops
// that run no Prometheus: by webhook, by a command, and by one log line.
//
//	status ─Look─► conditions ─► Watch: begin, repeat, end ─► webhook, command, log
//
// What it guarantees:
//
//   - One alert for each condition (the constants of conditions.go), however
//     many event sets it concerns. It goes out when the condition begins, again
//     at most once an interval while it lasts, and once when it is over.
//     That an event set is stopped no longer is told only when an answer of
//     Meta's proves it, or nothing waits for it any more (held.go).
//     The times are kept in the queue directory, so that a relay that restarts
//     all the time does not repeat itself.
//   - No personal data: an alert is made of counts, ages, event set ids, file
//     names with line and column, and fixed words.
//   - Delivery never holds up relay: it has its own goroutine, time limits, and
//     no queue. What cannot be delivered is tried again until it is, or until
//     the condition is over; failures are logged without the URL, which often
//     is a secret.
//   - The command gets the alert on standard input and an environment of a few
//     harmless variables, so that a token in relay's environment stays there.
//
// What can hurt you: between two looks (Every) nothing is seen; and a webhook
// that answers 2xx has delivered, whatever became of it behind.
package alert
