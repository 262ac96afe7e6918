// Package meta stores what a queue knows besides its records: meta.db, a small bbolt file
// that is written with every settlement.
//
//	lanes     name: Lane
//	settled   number of a block u64, big-endian · name of its lane: settled.Block
//	notes     key: value
//	void      first sequence u64, big-endian: end u64
//	dir       "info": Info; "secret"; "records" and number of a sealed segment u64: its record count u64
//
// Every value except for Info is encrypted when there is a key, and has a checksum that
// includes its bucket and key.
//
// # What it guarantees
//
// Methods that change the file return nil only once the change is synced. Changes that
// arrive while one is being synced share the next transaction. After a failed write the
// file is rewritten before the next change: the disk can have dropped unconfirmed data
// that still reads correctly.
//
// # What can hurt you
//
// A damaged row counts as absent. That can cost duplicates, never events. Methods that
// read from memory (Note, Voids, Sealed, Keys) never wait for the disk.
//
// The file lists the keys in use in the directory, so that a start without one of them is
// refused before anything is changed; 0 stands for plain text. A new key is added to the
// list before it encrypts anything.
package meta
