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
	Moved string // where Fix puts a copy of the file that only root may write; "": Fix leaves the file where it is
}

// Error says who may write what, and why that is a danger.
func (e *WritableError) Error() string {
	who := "any user of this machine"
	switch {
	case e.Owned && e.Path == e.File:
		return fmt.Sprintf("%s belongs to another user (uid %d), who may write it and so decide what relay does", e.File, e.UID)
	case e.Owned:
		return fmt.Sprintf("%s belongs to another user (uid %d), who may replace %s and so decide what relay does", e.Path, e.UID, e.File)
	}
	if e.Group {
		who = "the group of " + e.Path
	}
	if e.Path == e.File {
		return fmt.Sprintf("%s may write %s and so decide what relay does", who, e.Path)
	}
	return fmt.Sprintf("%s may write to %s, replace %s and so decide what relay does", who, e.Path, e.File)
}

// Advice is what to do, with the command.
func (e *WritableError) Advice() string {
	if e.Moved == "" {
		return e.Fix
	}
	return fmt.Sprintf("put it where only root may write: %s, and name it there; or run relay as that user: sudo -u '#%d' relay", e.Fix, e.UID)
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
