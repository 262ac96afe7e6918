// Package access decides who may reach the admin side of relay and do what
// (docs/contract.md 3): its listeners, the connections they take, who is signed in,
// what each route needs, and the audit log.
//
//	admin.listen ────┐                                    ┌─ Routes.Add(pattern, need, handler)
//	control socket ──┼─► connections ─► who? ─► may they? ┴─► handler ─► audit.log
//	health.listen ───┘   (bounded)
//
// What it guarantees:
//
//   - Whoever gets a connection to the control socket may do everything: its mode is
//     the key. Over TCP health, metrics and numbers need no token on loopback; contents
//     and changes need the token or a session, and are not there where neither can be.
//     An address off loopback without token and TLS is refused.
//   - No web page from elsewhere is answered: Host (DNS rebinding), Origin and
//     Sec-Fetch-Site are checked, and every change wants a header that no form and no
//     link can carry.
//   - Nobody can lock anybody out: each listener has connections and deadlines of its
//     own, a new connection is always taken, and the one used least gives way.
//   - Each call that shows contents or changes state is a line of the audit log, with
//     who, what and how many, without contents.
//
// Hazard: sessions live in this process; a restart signs every browser out.
package access
