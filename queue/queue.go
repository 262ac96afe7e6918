package queue

import (
	"context"
	"errors"
)

// Queue is an open directory.
type Queue struct{}

var errLater = errors.New("queue: being built")

// Open opens or makes the queue in dir.
func Open(dir string, o Options) (*Queue, error) { return nil, errLater }

// OpenReadOnly opens the queue in dir for looking.
func OpenReadOnly(dir string, keys ...[]byte) (*Queue, error) { return nil, errLater }

// Append stores entries, all or none.
func (q *Queue) Append(ctx context.Context, entries []Entry) (Appended, error) {
	return Appended{}, errLater
}

// CanAppend says whether an Append would be durable now.
func (q *Queue) CanAppend() error { return errLater }

// Lanes lists all lanes, by name.
func (q *Queue) Lanes() []LaneStat { return nil }

// Lane is one of them.
func (q *Queue) Lane(name string) (LaneStat, bool) { return LaneStat{}, false }

// Read reads a lane.
func (q *Queue) Read(lane string, from Seq, maxRecords int, maxBytes int64) (Batch, error) {
	return Batch{}, errLater
}

// Settle moves a lane forward.
func (q *Queue) Settle(lane string, s Settlement) error { return errLater }

// Changed is closed when something was appended.
func (q *Queue) Changed() <-chan struct{} { return nil }

// Stats is the queue as it stands.
func (q *Queue) Stats() Stats { return Stats{} }

// DeadLetters calls fn for each dead letter behind id after.
func (q *Queue) DeadLetters(after string, fn func(DeadLetter) bool) error { return errLater }

// DeadLetter is one.
func (q *Queue) DeadLetter(id string) (DeadLetter, error) { return DeadLetter{}, errLater }

// DropDead removes dead letters.
func (q *Queue) DropDead(ids ...string) (int, error) { return 0, errLater }

// Redrive appends dead letters again.
func (q *Queue) Redrive(ids []string, route func(DeadLetter) []string) (int, error) {
	return 0, errLater
}

// SetNote keeps a small value.
func (q *Queue) SetNote(key string, val []byte) error { return errLater }

// Note reads it.
func (q *Queue) Note(key string) []byte { return nil }

// Reroute appends records of a lane to others and settles them.
func (q *Queue) Reroute(lane string, upTo Seq, route func(Record) []string) (int, error) {
	return 0, errLater
}

// DropLane drops what a lane has waiting.
func (q *Queue) DropLane(name string) error { return errLater }

// MoveLane moves what a lane has waiting to another.
func (q *Queue) MoveLane(from, to string) error { return errLater }

// Forget removes the records and dead letters that match.
func (q *Queue) Forget(match func(Record) bool) (int, error) { return 0, errLater }

// Backup writes a consistent copy to dir.
func (q *Queue) Backup(ctx context.Context, dir string) error { return errLater }

// Close stops the queue; twice is fine.
func (q *Queue) Close() error { return nil }
