package disk

import (
	"errors"
	"fmt"
	"os/user"
)

// WritableError means that a user of the machine who should not be able to can write or replace a
// file.
type WritableError struct {
	Path  string // what they can write: the file, or a directory or link on its path
	File  string // the file that was checked
	Fix   string // a command that fixes it
	Group bool   // only the group of Path can
	Owned bool   // only its owner can, who is neither root nor this user
	UID   uint32 // of that owner
	Moved string // where Fix copies the file so that only root can write it; "": Fix leaves the file in place
}

// Error says who can write what, and why that is dangerous.
func (e *WritableError) Error() string {
	who := "any user of this machine"
	switch {
	case e.Owned && e.Path == e.File:
		return fmt.Sprintf("%s belongs to another user (uid %d), who can write it and so control relay", e.File, e.UID)
	case e.Owned:
		return fmt.Sprintf("%s belongs to another user (uid %d), who can replace %s and so control relay", e.Path, e.UID, e.File)
	}
	if e.Group {
		who = "the group of " + e.Path
	}
	if e.Path == e.File {
		return fmt.Sprintf("%s can write %s and so control relay", who, e.Path)
	}
	return fmt.Sprintf("%s can write to %s, replace %s and so control relay", who, e.Path, e.File)
}

// Advice returns what to do, with the command.
func (e *WritableError) Advice() string {
	if e.Moved == "" {
		return e.Fix
	}
	name := fmt.Sprintf("'#%d'", e.UID)
	if u, err := user.LookupId(fmt.Sprint(e.UID)); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("run relay as that user: sudo -u %s relay …; or copy the file to where only root can write: %s, and use that path", name, e.Fix)
}

// Trusted checks who besides its owner can write a file, directly or through a directory on its
// path: it returns a *WritableError or nil. Links are followed, and the path to each is checked.
// Write access is harmless in a sticky directory (other users' files cannot be replaced), on a
// volume mounted read-only, and in a directory filled by Kubernetes (..data). A file that does not
// exist or cannot be checked is not refused here: reading it gives a better error.
//
// Ownership matters too. In a sticky directory that any user may write to, a file must belong to
// root or to this user: anyone can have put it there. If this user is root, that is required
// everywhere except on a volume mounted read-only.
func Trusted(path string) error { return trusted(path) }

// AnyUser returns the *WritableError in err, or nil if there is none or only a group can write the
// file.
func AnyUser(err error) *WritableError {
	var w *WritableError
	if errors.As(err, &w) && !w.Group {
		return w
	}
	return nil
}
