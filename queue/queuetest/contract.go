package queuetest

import (
	"context"
	"io"
	"time"

	"relay/queue"
)

// Log is what the tests call on an engine.
type Log interface {
	// Append stores all entries or none. They are durable when it returns nil.
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	// Read returns records of a lane that are not settled, in order, starting at from; the zero
	// Position is the first of them. Record.Settled holds the settled conversions of a record that
	// has others open. A lane without records is empty.
	Read(ctx context.Context, lane string, from Position, limit Limit) (Batch, error)
	// Settle makes all of s durable, or returns an error. On error the settlement did not happen,
	// unless the disk did not answer in time: then it may still happen.
	Settle(ctx context.Context, lane string, s Settlement) (Revision, error)
	// Lanes lists every lane that has or had a record.
	Lanes(ctx context.Context) ([]Lane, error)
	// Changed returns a channel that is closed when lane gets a record; it may also be closed
	// without a reason. The caller gets it before it reads.
	Changed(lane string) <-chan struct{}
	// Dead lists at most n letters after the one with the id after; "" starts with the oldest.
	Dead(ctx context.Context, after string, n int) ([]Letter, error)
	// Close waits for calls in progress. Confirmed records are there at the next open.
	io.Closer
}

// Position is where to continue reading. It is opaque: tests pass Batch.Next to the same open log.
type Position uint64

// Revision is a lane's revision after its last settlement. It is opaque.
type Revision = queue.Revision

// Limit bounds a Read; a zero field means the engine's own limit. The first record is returned
// whatever its size.
type Limit struct {
	Records int
	Bytes   int64 // of bodies
}

// Batch is what Read found.
type Batch struct {
	Records []queue.Record // copies: the caller may change them
	Covers  []queue.Range  // the ranges that contain these records and no others of the lane
	Next    Position       // where to continue after Records
	More    bool           // the lane has a record after Records
}

// done returns the ranges of all of b except the records for which open is true.
func (b Batch) done(open func(r queue.Record) bool) (out []queue.Range) {
	for _, c := range b.Covers {
		q := queue.Batch{From: c.From, Next: c.To}
		for _, r := range b.Records {
			if c.From <= r.Seq && r.Seq < c.To {
				q.Records = append(q.Records, r)
			}
		}
		out = append(out, q.RangesExcept(func(i int) bool { return open(q.Records[i]) })...)
	}
	return out
}

// Settlement is made durable as a whole.
type Settlement struct {
	ID       uint64        // different for each settlement; repeating the lane's last one has no effect
	Revision Revision      // of the lane as the caller last saw it, otherwise ErrStale; 0: the caller does not own the lane
	Settled  []queue.Range // settles every record of the lane in these ranges
	Parts    []queue.Part  // conversions settled of other records
	State    []byte        // replaces the lane's state unless nil
	Counts   map[string]int64
	Dead     []Letter // made from settled records
}

// Letter is a record that is kept because it cannot be delivered.
type Letter struct {
	ID      string // assigned by the engine
	Lane    string // set by the engine to the settlement's lane
	Record  queue.Record
	Reason  string
	Message string
}

// Lane is the current state of a lane.
type Lane struct {
	Name          string
	Revision      Revision
	Invalidations uint64    // raised by settlements without a revision
	Pending       int64     // records not settled
	Bytes         int64     // of their bodies
	Oldest        time.Time // approximate time of receipt of the first pending record; zero if there is none
	State         []byte
	Counts        map[string]int64 // summed over all settlements
}
