//go:build !windows

package disk

import "os"

// AnyUserReads says whether others than the owner may look into a folder.
func AnyUserReads(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode().Perm()&0o077 != 0
}
