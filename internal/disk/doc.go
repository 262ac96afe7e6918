// Package disk writes files that are complete or absent, makes their names durable, opens files
// safely, and describes the file system a path is on.
//
// # What it guarantees
//
// WriteFile and Create write a file under a temporary name in the target's directory, sync it, rename
// it, and sync the directory:
//
//	dir/name.<16 hex digits>.tmp   create (O_EXCL), write, sync
//	dir/name                       rename; sync dir
//
// After a crash at any point the target is the old file or the new one. A temporary file may remain;
// Clean removes it. At no moment does a file have more permissions than requested.
//
// # What can hurt you
//
// A rename replaces a symbolic link, not the file it points to. If only the sync of the directory
// fails, an error is returned although the new file is in place: a power cut may bring the old one
// back. On Windows directories cannot be synced.
//
// The package imports no other package of relay.
package disk
