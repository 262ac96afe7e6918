package access

// openFiles is how many files this process may have open: Windows sets no such
// bound.
func openFiles() int { return 1 << 20 }
