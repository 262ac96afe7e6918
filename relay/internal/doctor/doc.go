// Package doctor looks at everything a relay needs around it and says in plain
// words what is wrong, what to do, and who must do it.
//
//	config, mapping ─► this machine: process, its event sets, files, certificate, disk, file changes
//	                ─► the way to Meta: proxy, TLS, clock, API version
//	                ─► Meta: token, each event set, a round trip on demand
//	                ─► a relay that forwards: its hub, in the place of Meta
//
// What it guarantees:
//
//   - It changes nothing: it writes one small file beside the queue to measure
//     the disk, and removes it. It sends events to Meta only when a test event
//     code is given, and says so.
//   - A token that may only send is normal (docs/meta.md 1.2): what cannot
//     be read with it is a note, not a finding.
//   - No finding holds a token, a password of a proxy, or anything of a
//     customer.
//
// What can hurt you: it sees the machine as the user it runs as. Run it as the
// user of the service (`systemd-run` or `sudo -u`), or file rights are judged
// for somebody else. Checks of the network take as long as the network does,
// each bounded.
package doctor
