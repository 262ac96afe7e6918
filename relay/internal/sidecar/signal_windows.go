package sidecar

import "os"

// hangup: there is none; `relay reload` does the same.
func hangup() os.Signal { return nil }
