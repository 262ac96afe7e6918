package disk

import "io/fs"

// On Windows permissions are in the ACL, which the installation sets; creating a hard link requires
// the right to write the file.
func notOurs(string, fs.FileInfo, fs.FileInfo) error { return nil }

func links(fs.FileInfo) uint64 { return 1 }

const noWait = 0

// ShellWord quotes a path for a shell.
func ShellWord(path string) string { return `"` + path + `"` }
