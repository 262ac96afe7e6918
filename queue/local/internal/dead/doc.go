// Package dead stores dead letters in one bbolt file, dead.db.
//
//	header    "format": given by the caller
//	letters   lane · sequence u64 · slot u8 (big-endian): row
//	order     number u64, big-endian: key in letters; its bucket sequence is the next number
//
// A letter is keyed by the record and the slot it was made of. Storing it again
// overwrites it: a settlement that is made twice makes each letter once. The
// number says in which order letters came. It is the letter's public id and is
// never given to another letter.
//
// # What it guarantees
//
// Put returns nil only once its letters survive a crash and a power cut. A row
// names the settlement it was made for. Until Commit the letters of a Put are
// hidden; a letter whose settlement did not commit is void, and Open removes it.
//
// Every row has a checksum that is bound to its key, and is sealed when there is
// a key. A damaged file costs the letters on the damaged bytes: Open writes what
// is readable to a new file, keeps the old one and reports the loss.
//
// # What can hurt you
//
// A removed letter stays readable in free pages until the file is rewritten.
// Forget rewrites it; Remove and Expire do not. When the tree of a file is
// damaged, letters that were removed and still lie in free pages come back.
package dead
