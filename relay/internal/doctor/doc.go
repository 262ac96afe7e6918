// Package doctor checks everything relay depends on. Each finding says what is wrong, how
// to fix it, and who has to.
//
//	config, mapping ─► this machine: process, its event sets, files, certificate, disk, file changes
//	                ─► the connection to Meta: proxy, TLS, clock, API version
//	                ─► Meta: token, each event set, a round trip on demand
//	                ─► for a relay that forwards: its hub, instead of Meta
//
// Guarantees:
//
//   - It changes nothing. It writes a small file beside the queue to measure the disk,
//     and removes it. It sends an event to Meta only if a test event code is given.
//   - A token that can only send is normal (docs/meta.md 1.2): if something cannot be
//     read with it, the finding is a note, not a failure.
//   - No finding contains a token, a proxy password or data of a customer.
//
// Hazards: it sees the machine as the user it runs as. Run it as relay's user
// (`systemd-run` or `sudo -u`); otherwise it checks another user's file permissions.
// Network checks are slow on a slow network, but each has a time limit.
package doctor
