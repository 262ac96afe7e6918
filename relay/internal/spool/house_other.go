//go:build !unix

package spool

import "os"

func stick(*os.Root) {} // rights are in the ACL there

func syncIn(*os.Root, string) error { return nil } // a directory cannot be synced there

// noWait has an open that does not wait for whoever is at the other end of a pipe.
const noWait = 0
