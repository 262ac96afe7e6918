// Package disk writes files that are whole or absent, and makes their names
// durable.
//
// A file is written under a temporary name in the directory of its target,
// synced, and renamed; then the directory is synced. After a crash at any point
// the target is the old file or the new one, and a temporary file may be left
// behind, which Clean removes:
//
//	dir/name.<16 hex digits>.tmp   create, write, sync
//	dir/name                       rename, sync dir
//
// What can hurt you: a rename replaces a symbolic link, not the file it points
// to; an error of the last step (the sync of the directory) leaves the new file
// in place, but a power cut may bring the old one back; on Windows directories
// cannot be synced, NTFS journals names itself.
//
// The package imports nothing else of relay's.
package disk
