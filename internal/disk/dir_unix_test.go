//go:build unix

package disk

import "testing"

// As TestCreateRace, on a file system that cannot rename without replacing.
func TestCreateRaceByLink(t *testing.T) { createRace(t, linkNew) }
