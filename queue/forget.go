package queue

// Forget selects what to remove from a queue.
type Forget struct {
	Record func(*Record) bool     // selects records
	Letter func(*DeadLetter) bool // selects dead letters
	Dry    bool                   // only count
}

// Forgotten counts what was removed, or would be.
type Forgotten struct {
	Waiting     int // records a lane has not settled
	Unmapped    int // records whose event no mapping has matched so far
	Kept        int // copies kept after they were handed to another relay
	Settled     int // records every lane has settled, in a file that still exists
	Letters     int // dead letters
	Unerased    int // chunks whose bytes stay until their other events are settled
	Quarantined int // quarantined damaged files: nobody can tell whom they are about, so they are deleted
}

// Count counts a record by what it is still waiting for: a lane, a mapping that matches its event,
// the end of the time for which copies are kept, or nothing.
func (f *Forgotten) Count(lanes []string, waits func(lane string) bool) {
	var unmapped, kept bool
	for _, name := range lanes {
		switch {
		case !waits(name):
		case name == LaneUnmapped:
			unmapped = true
		case name == LaneKept:
			kept = true
		default:
			f.Waiting++
			return
		}
	}
	switch {
	case unmapped:
		f.Unmapped++
	case kept:
		f.Kept++
	default:
		f.Settled++
	}
}

// Found is the number of records and letters found.
func (f Forgotten) Found() int { return f.Waiting + f.Unmapped + f.Kept + f.Settled + f.Letters }

// Add adds the counts of another run.
func (f *Forgotten) Add(o Forgotten) {
	f.Waiting += o.Waiting
	f.Unmapped += o.Unmapped
	f.Kept += o.Kept
	f.Settled += o.Settled
	f.Letters += o.Letters
	f.Quarantined += o.Quarantined
	f.Unerased = o.Unerased // those that exist now
}
