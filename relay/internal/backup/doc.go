// Package backup writes, verifies and unpacks the file of `relay backup`, and manages the
// temporary copies of the queue that it is made from.
//
//	queue ──copy──► copies/relay-backup-…/ ──Write──► relay-backup/… + SHA256SUMS (tar)
//
// Guarantees: a backup without its checksums, or with wrong ones, is ErrIncomplete. Unpack
// writes nothing outside its directory, whatever the names in the file are. A copy contains
// what the queue contained, so a forget ends it first (Copies.End), and no new one starts
// meanwhile.
//
// Hazard: a copy needs as much space as the queue.
package backup
