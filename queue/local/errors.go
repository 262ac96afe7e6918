package local

import (
	"errors"
	"fmt"

	"relay/internal/seal"
	"relay/queue/internal/format"
	"relay/queue/local/internal/files"
)

// Errors of a directory that cannot be opened as requested.
var (
	// ErrNewerFormat: a newer program wrote the directory; nothing was changed.
	ErrNewerFormat = format.ErrNewer
	// ErrOlderFormat: a version from before the first release wrote the directory; nothing
	// was changed.
	ErrOlderFormat = files.ErrOlderFormat
	// ErrKey: the directory is encrypted and no given key decrypts it, or it is plain text
	// and must not be encrypted by accident; nothing was changed.
	ErrKey = seal.ErrKey
	// ErrReadOnly: the queue was opened with OpenReadOnly.
	ErrReadOnly = errors.New("queue is open for reading only")
	// ErrTooSmall: the volume is smaller than the requested maximum size.
	ErrTooSmall = errors.New("volume is smaller than max_size")
)

// errDamaged: a file does not contain what was written to it.
var errDamaged = seal.ErrDamaged

// LockedError means that another process has the directory open.
type LockedError struct {
	Dir string
	PID int // 0 if unknown
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("queue %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("queue %s is in use by process %d", e.Dir, e.PID)
}
