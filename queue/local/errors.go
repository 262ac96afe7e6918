package local

import (
	"errors"
	"fmt"

	"relay/internal/seal"
	"relay/queue/internal/format"
	"relay/queue/local/internal/files"
)

// Errors of a directory that cannot be opened as it is asked for.
var (
	// ErrNewerFormat: a newer program wrote this directory; nothing was touched.
	ErrNewerFormat = format.ErrNewer
	// ErrOlderFormat: a version older than the first release wrote this directory;
	// nothing was touched.
	ErrOlderFormat = files.ErrOlderFormat
	// ErrKey: the directory is encrypted and no given key opens it, or is
	// not and must not become so by accident; nothing was touched.
	ErrKey = seal.ErrKey
	// ErrReadOnly: the queue was opened with OpenReadOnly.
	ErrReadOnly = errors.New("queue is open for reading only")
	// ErrTooSmall: the volume is smaller than the wanted maximum size.
	ErrTooSmall = errors.New("volume is smaller than max_size")
)

// errDamaged: what a file holds is not what was written to it.
var errDamaged = seal.ErrDamaged

// LockedError says that another process owns the directory.
type LockedError struct {
	Dir string
	PID int // 0 when it did not say
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("queue %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("queue %s is in use by process %d", e.Dir, e.PID)
}
