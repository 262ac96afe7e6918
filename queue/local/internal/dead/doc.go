// Package dead stores dead letters in one bbolt file, dead.db.
//
//	header    "format": written by the caller
//	letters   lane · sequence u64 · slot u8 (big-endian): row
//	order     number u64, big-endian: key in letters; its bucket sequence is the next number
//
// The key of a letter is its record and slot. Storing it again overwrites it, so a
// settlement that is made twice stores each letter once. Numbers order letters by the
// time they were stored. A letter's number is its public id and is never reused.
//
// # What it guarantees
//
// Put returns nil only once its letters survive a crash and a power cut. Each row contains
// the number of its settlement. Until Commit the letters of a Put are hidden. Letters whose
// settlement did not commit are void, and Open removes them.
//
// Every row has a checksum that includes its key, and is encrypted when there is a key.
// Damage costs only the letters on the damaged bytes: Open copies the readable ones to a
// new file, keeps the old file and reports the loss.
//
// # What can hurt you
//
// A removed letter stays in free pages of the file until the file is rewritten. Forget
// rewrites it; Remove and Expire do not. If the tree of a file is damaged, removed letters
// that are still in free pages come back.
package dead
