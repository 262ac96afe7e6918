package disk

import (
	"errors"
	"fmt"
)

// WritableError says that a user of the machine who has no say here may write a file,
// or replace it.
type WritableError struct {
	Path  string // what they may write: the file, or a folder or link on the way to it
	File  string // the file that was asked about
	Fix   string // a command that ends it
	Group bool   // only the group of Path may
	Owned bool   // only its owner may: who is neither root nor this user
	UID   uint32 // of that owner
}

func (e *WritableError) Error() string {
	who := "any user of this machine"
	switch {
	case e.Owned && e.Path == e.File:
		return fmt.Sprintf("%s belongs to another user (uid %d), who may write it", e.File, e.UID)
	case e.Owned:
		return fmt.Sprintf("uid %d may replace %s, since %s belongs to that user", e.UID, e.File, e.Path)
	}
	if e.Group {
		who = "the group of " + e.Path
	}
	if e.Path == e.File {
		return fmt.Sprintf("%s may write %s", who, e.Path)
	}
	return fmt.Sprintf("%s may replace %s, since %s may be written", who, e.File, e.Path)
}

// Trusted looks at who may write a file besides its owner, directly or through a
// folder on the way to it: a *WritableError, or nil. Links are followed, and the
// way to each is looked at. What may be written is no matter in a sticky folder
// (the files of others cannot be replaced), on a volume that is mounted read-only,
// and in a folder that Kubernetes has filled (..data). A file that is not there, or
// cannot be looked at, is not refused here: reading it says so better.
//
// Who owns what matters too. In a sticky folder that any user may write, what lies
// there has to be root's or this user's: anybody can have put it there. When this user
// is root, that holds everywhere but on a volume that is mounted read-only.
func Trusted(path string) error { return trusted(path) }

// AnyUser returns the *WritableError of an error, unless only the group of a file may
// write it: then nil.
func AnyUser(err error) *WritableError {
	var w *WritableError
	if errors.As(err, &w) && !w.Group {
		return w
	}
	return nil
}
