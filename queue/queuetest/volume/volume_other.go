//go:build !linux

package volume

import "testing"

// Volume is a mounted file system.
type Volume struct{}

// New skips the test: it works on Linux alone.
func New(t *testing.T, _ int, _ ...string) *Volume {
	t.Helper()
	t.Skip("needs Linux to mount a volume")
	return nil
}

// Dir is where it is mounted.
func (*Volume) Dir() string { return "" }

// Device is the block device it lies on.
func (*Volume) Device() string { return "" }

// Freeze has every write hang until Thaw.
func (*Volume) Freeze() {}

// Thaw ends Freeze.
func (*Volume) Thaw() {}
