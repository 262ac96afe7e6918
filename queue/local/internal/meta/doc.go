// Package meta keeps what a queue knows beside its records: meta.db, a small bbolt
// file that is written with every settlement.
//
//	lanes     name: Lane
//	settled   number of a block u64, big-endian · name of its lane: settled.Block
//	notes     key: value
//	void      first sequence u64, big-endian: end u64
//	dir       "info": Info; "secret"; "records" and number of a sealed segment u64: records in it u64
//
// Every value but Info is sealed when there is a key, and has a checksum that is
// bound to its place.
//
// # What it guarantees
//
// What changes the file returns nil only once the change is synced; changes that
// come while one is being synced share the next transaction. After a write that
// failed the file is written anew before it takes another: what the disk did not
// confirm it may have dropped, though it still reads well.
//
// # What can hurt you
//
// A row that is damaged counts as absent, which costs duplicates, never events. What
// is asked of a Store in memory (Note, Voids, Sealed, Keys) never waits for the disk.
//
// The file lists the keys that something in the directory is sealed with, so that a
// start without one of them can be refused before anything is touched; 0 stands for
// what is plain. A key that comes to be in force is on that list before it seals
// anything.
package meta
