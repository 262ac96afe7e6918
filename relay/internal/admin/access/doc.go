// Package access controls who can reach the admin side of relay and what they can do
// (docs/contract.md 3): listeners, connections, sign-in, permissions of routes, and the
// audit log.
//
//	admin.listen ────┐                                         ┌─ Routes.Add(pattern, need, handler)
//	control socket ──┼─► connections ─► caller ─► permission ──┴─► handler ─► audit.log
//	health.listen ───┘    (limited)
//
// Guarantees:
//
//   - A caller with a connection to the control socket can do everything; the mode of
//     the socket protects it. Over TCP, health, metrics and numbers need no token on
//     loopback; contents and changes need the token or a session. Without a configured
//     token they do not exist. An address off loopback without token and TLS is refused.
//   - Requests from other web sites are refused: Host (DNS rebinding), Origin and
//     Sec-Fetch-Site are checked, and every change requires a header that no form or
//     link can send.
//   - No caller can lock out another: each listener has its own connections and
//     deadlines, and at the limit the least useful connection is closed.
//   - Each call that shows contents or changes state is a line in the audit log: who,
//     what and how many, without contents.
//
// Hazard: sessions are in memory; a restart signs every browser out.
package access
