package session

import "os/exec"

// runAs is not needed here: whoever may open a queue leaves it usable.
func runAs(*exec.Cmd, int, string) error { return nil }

// ownerOf is not a number here.
func ownerOf(string) (uid, gid int, ok bool) { return 0, 0, false }
