// Package backup is the file that `relay backup` writes and `relay restore` reads, and
// the temporary copies of the queue that it is made of.
//
//	queue ──copy──► copies/relay-backup-…/ ──Write──► relay-backup/… + SHA256SUMS (tar)
//
// What it guarantees: only a file whose sums are there and hold is a backup; one that
// was cut or has changed is ErrNotWhole. Unpack writes nothing outside of its
// directory, whatever the names in the file say. A copy holds what the queue held, so
// whoever removes a person ends it first (Copies.End) and no other begins meanwhile.
//
// Hazard: a copy needs as much space as the queue.
package backup
