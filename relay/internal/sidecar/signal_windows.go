package sidecar

import "os"

// hangup returns nil: Windows has no such signal. `relay reload` does the same.
func hangup() os.Signal { return nil }
