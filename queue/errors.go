package queue

import (
	"errors"
	"fmt"
	"time"
)

// Errors a caller decides by. Every error of Append except ErrInvalid means HTTP 503, or 429 for
// *FullError. It is safe to retry with the same ids.
var (
	// ErrClosed: the queue is closing or closed; nothing was stored.
	ErrClosed = errors.New("queue is closed")
	// ErrDoubt: the disk did not confirm the write. A copy that reached the disk is ignored and its
	// ids count as not stored, so a retry is stored as new.
	ErrDoubt = errors.New("the disk did not confirm the write")
	// ErrStalled: the disk did not answer in time. Nothing was stored yet, but it may still be. A
	// retry with the same ids is stored once in either case.
	ErrStalled = errors.New("the disk did not answer in time")
	// ErrUnavailable: the disk accepts no writes at the moment; nothing was stored.
	ErrUnavailable = errors.New("the disk accepts no writes")
	// ErrBusy: too much is already waiting for the disk; nothing was stored.
	ErrBusy = errors.New("too many writes are waiting")
	// ErrInvalid: the entry has no lane, has a lane whose name is not UTF-8 or longer than 1 KiB,
	// or is larger than the format allows.
	ErrInvalid = errors.New("entry cannot be stored")
	// ErrDeadFull: the dead letters have reached their size limit and the policy is to hold. The
	// settlement did not happen, so the lane waits. The letters of LaneConflict may use a quarter
	// of the limit.
	ErrDeadFull = errors.New("no room for more dead letters")
	// ErrStale: the lane's revision differs from the one in the settlement, which did not happen.
	ErrStale = errors.New("the lane was settled by another caller in the meantime")
	// ErrFenced: another process drains the lane now. The settlement did not happen and never will:
	// the caller must stop and leave the lane to the other process.
	ErrFenced = errors.New("the lane belongs to another process")
	// ErrUnsupported: this engine does not support the call; the error text names what does.
	ErrUnsupported = errors.New("this queue does not support that")
	// ErrNotFound: no such dead letter or lane.
	ErrNotFound = errors.New("not found")
)

// FullError reports that the queue accepts nothing until part of it has drained. Nothing was
// stored.
type FullError struct {
	RetryAfter time.Duration // an estimate; the queue accepts again below the low mark
	Reason     string        // "max_size" or "disk_full"
}

func (e *FullError) Error() string {
	return fmt.Sprintf("queue is full (%s), retry after %s", e.Reason, e.RetryAfter)
}
