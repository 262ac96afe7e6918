package queue

import (
	"errors"
	"fmt"
	"time"
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
	// ErrInvalid: an entry without lane, or for one whose name is no text (UTF-8) of at most
	// 1 KiB, or larger than the format allows.
	ErrInvalid = errors.New("entry cannot be stored")
	// ErrDeadFull: the dead letters have reached their bound and the policy
	// is to hold: the settlement did not happen, the lane waits. Those of LaneConflict
	// have a quarter of all the room.
	ErrDeadFull = errors.New("no room for more dead letters")
	// ErrStale: the lane has another revision than the settlement was made for, which
	// did not happen.
	ErrStale = errors.New("the lane was settled by another meanwhile")
	// ErrFenced: another process drains the lane by now. The settlement did not happen
	// and will not: whoever gets this stops, and leaves what it knows to that one.
	ErrFenced = errors.New("the lane belongs to another process")
	// ErrUnsupported: this engine cannot do that; the error says what can.
	ErrUnsupported = errors.New("this queue cannot do that")
	// ErrNotFound: no such dead letter or lane.
	ErrNotFound = errors.New("not found")
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
