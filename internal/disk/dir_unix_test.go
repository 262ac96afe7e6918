//go:build unix

package disk

import "testing"

// Like TestCreateRace, on a file system that cannot rename without replacing.
func TestCreateRaceByLink(t *testing.T) { createRace(t, linkNew) }
