//go:build unix

package disk

import "os"

// linkNew gives the file the second name unless something has it, and takes the
// first away.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
