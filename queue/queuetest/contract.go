package queuetest

import (
	"context"
	"io"
	"time"

	"relay/queue"
)

// Log is what the tests call of an engine.
type Log interface {
	// Append stores all entries or none. They are durable when it returns nil.
	Append(ctx context.Context, entries []queue.Entry) (queue.Appended, error)
	// Read returns records of a lane that are not settled, in order, starting at
	// from; the zero Position starts at the first of them. Record.Settled says what
	// is settled of one of which others are open. A lane that nobody appended to has
	// none.
	Read(ctx context.Context, lane string, from Position, limit Limit) (Batch, error)
	// Settle makes all of s durable, or returns an error. After one the
	// settlement has not happened, unless the engine could not wait for the disk:
	// then it may still happen.
	Settle(ctx context.Context, lane string, s Settlement) (Revision, error)
	// Lanes lists every lane that has or had a record.
	Lanes(ctx context.Context) ([]Lane, error)
	// Changed gives a channel that is closed when lane gets a record. It may be
	// closed for less. The caller asks for it before it reads.
	Changed(lane string) <-chan struct{}
	// Dead lists the letters behind the one with the id after, at most n; ""
	// starts with the oldest.
	Dead(ctx context.Context, after string, n int) ([]Letter, error)
	// Close waits for the calls under way. What was confirmed is there at the next open.
	io.Closer
}

// Position says where to read on. It is opaque: tests keep what Batch.Next
// gave them and pass it to the same open log.
type Position uint64

// Revision is a lane's, as the last settlement left it. It is opaque too.
type Revision = queue.Revision

// Limit bounds a Read; a zero field means the engine's own bound. The first
// record is returned whatever its size.
type Limit struct {
	Records int
	Bytes   int64 // of bodies
}

// Batch is what Read found.
type Batch struct {
	Records []queue.Record // copies: the caller may change them
	Covers  []queue.Range  // each record is in one; the lane has no others in them
	Next    Position       // reads on behind Records
	More    bool           // the lane has a record behind Records
}

// done is ranges of all of b but the records for which open says so.
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

// Settlement is what becomes durable together.
type Settlement struct {
	ID       uint64        // another one for each settlement; called again the lane's last one is not made twice
	Revision Revision      // the lane's, as the caller last saw it, else ErrStale; 0: of who does not own the lane
	Settled  []queue.Range // every record of the lane in them is
	Parts    []queue.Part  // what is settled of other records
	State    []byte        // replaces the lane's state unless nil
	Counts   map[string]int64
	Dead     []Letter // of what is settled
}

// Letter is a record that is kept because it cannot be delivered.
type Letter struct {
	ID      string // given by the engine
	Lane    string // given by the engine: that of the settlement
	Record  queue.Record
	Reason  string
	Message string
}

// Lane is one lane as it stands.
type Lane struct {
	Name     string
	Revision Revision
	Void     uint64    // raised by settlements without a revision
	Pending  int64     // records that are not settled
	Bytes    int64     // of their bodies
	Oldest   time.Time // about when the first of them was received; zero when none waits
	State    []byte
	Counts   map[string]int64 // summed over all settlements
}
