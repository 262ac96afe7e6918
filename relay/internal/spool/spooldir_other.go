//go:build !unix

package spool

import "os"

func setSticky(*os.Root) {} // access is controlled by ACLs

func syncIn(*os.Root, string) error { return nil } // directories cannot be synced

// noWait makes opening a pipe not block.
const noWait = 0
