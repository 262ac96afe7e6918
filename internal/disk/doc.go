// Package disk writes files that are whole or absent, makes their names durable,
// and says what the file system under them is.
//
// # What it guarantees
//
// WriteFile and Create write a file under a temporary name in the directory of
// its target, sync it, rename it, and sync the directory:
//
//	dir/name.<16 hex digits>.tmp   make (O_EXCL), write, sync
//	dir/name                       rename; sync dir
//
// After a crash at any point the target is the old file or the new one. A
// temporary file may be left; Clean removes it. A file never has more rights than
// it was asked for, not even for a moment.
//
// # What can hurt you
//
// A rename replaces a symbolic link, not the file it points to. When only the
// sync of the directory fails, there is an error and the new file is in place: a
// power cut may bring the old one back. On Windows directories cannot be synced.
//
// The package imports nothing else of relay's.
package disk
