//go:build !linux

package disktest

import "testing"

// Volume is a mounted file system.
type Volume struct{}

// NewVolume skips the test: it works only on Linux.
func NewVolume(t *testing.T, _ int, _ ...string) *Volume {
	t.Helper()
	t.Skip("needs Linux to mount a volume")
	return nil
}

// Dir is where it is mounted.
func (*Volume) Dir() string { return "" }

// Freeze makes every write hang until Thaw.
func (*Volume) Freeze() {}

// Thaw ends Freeze.
func (*Volume) Thaw() {}
