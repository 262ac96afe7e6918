//go:build !windows

package disk

import "os"

// AnyUserReads reports whether users other than the owner may read a directory.
func AnyUserReads(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode().Perm()&0o077 != 0
}
