package queue

import (
	"errors"
	"fmt"
	"time"

	"relay/internal/seal"
)

// Errors a caller chooses by. Every error of Append but ErrInvalid means 503
// or, for *FullError, 429: the caller's retry with the same ids is right.
var (
	// ErrClosed: the queue is closing or closed; nothing was stored.
	ErrClosed = errors.New("queue is closed")
	// ErrDoubt: the disk refused to confirm. The copy that may lie on it is
	// void, its ids count as not stored, the retry is stored afresh.
	ErrDoubt = errors.New("the disk did not confirm the write")
	// ErrStalled: the disk did not answer in time. Nothing was stored, or it
	// still will be; the retry with the same ids is stored once either way.
	ErrStalled = errors.New("the disk did not answer in time")
	// ErrUnavailable: the disk takes no writes just now; nothing was stored.
	ErrUnavailable = errors.New("the disk takes no writes")
	// ErrBusy: too much waits for the disk already; nothing was stored.
	ErrBusy = errors.New("too many writes are waiting")
	// ErrInvalid: an entry without lane, or larger than the format allows.
	ErrInvalid = errors.New("entry cannot be stored")
	// ErrDeadFull: the dead letters have reached their bound and the policy
	// is to hold: the settlement did not happen, the lane waits.
	ErrDeadFull = errors.New("no room for more dead letters")
	// ErrNewerFormat: a newer program wrote this directory; nothing was touched.
	ErrNewerFormat = errors.New("directory was written by a newer version")
	// ErrKey: the directory is encrypted and no given key opens it, or is
	// not and must not become so by accident; nothing was touched.
	ErrKey = seal.ErrKey
	// ErrReadOnly: the queue was opened with OpenReadOnly.
	ErrReadOnly = errors.New("queue is open for reading only")
	// ErrNotFound: no such dead letter or lane.
	ErrNotFound = errors.New("not found")
	// ErrTooSmall: the volume is smaller than the wanted maximum size.
	ErrTooSmall = errors.New("volume is smaller than max_size")
)

// FullError says that the queue takes nothing until some of it has drained.
// Nothing was stored.
type FullError struct {
	RetryAfter time.Duration // a guess; intake resumes by itself at the low mark
	Reason     string        // "max_size" or "disk_full"
}

func (e *FullError) Error() string {
	return fmt.Sprintf("queue is full (%s), retry after %s", e.Reason, e.RetryAfter)
}

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
