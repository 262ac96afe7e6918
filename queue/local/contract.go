package local

import "relay/queue"

// The types of the contract.
//
//nolint:revive // package queue documents them
type (
	Seq        = queue.Seq
	Flags      = queue.Flags
	Entry      = queue.Entry
	Record     = queue.Record
	Appended   = queue.Appended
	Batch      = queue.Batch
	Settlement = queue.Settlement
	Revision   = queue.Revision
	DeadLetter = queue.DeadLetter
	LaneStat   = queue.LaneStat
	Stats      = queue.Stats
	FullError  = queue.FullError
)

// The errors of the contract.
var (
	ErrClosed      = queue.ErrClosed
	ErrDoubt       = queue.ErrDoubt
	ErrStalled     = queue.ErrStalled
	ErrUnavailable = queue.ErrUnavailable
	ErrBusy        = queue.ErrBusy
	ErrInvalid     = queue.ErrInvalid
	ErrDeadFull    = queue.ErrDeadFull
	ErrNotFound    = queue.ErrNotFound
	ErrStale       = queue.ErrStale
)
