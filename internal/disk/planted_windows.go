package disk

import "io/fs"

// Rights are in the ACL there, which the installation sets; a hard link needs the right
// to write the file.
func notOurs(string, fs.FileInfo, fs.FileInfo) error { return nil }

func links(fs.FileInfo) uint64 { return 1 }

const noWait = 0

// ShellWord quotes a path for a shell.
func ShellWord(path string) string { return `"` + path + `"` }
