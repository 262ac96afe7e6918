package queue

// Forget says what is to be removed of a queue.
type Forget struct {
	Record func(*Record) bool     // of records
	Letter func(*DeadLetter) bool // of dead letters
	Dry    bool                   // only count
}

// Forgotten says what was removed, or would be.
type Forgotten struct {
	Waiting  int // records that a lane waits for
	Unmapped int // records whose event no mapping has known so far
	Kept     int // copies of what was handed over
	Settled  int // records that no lane waits for, in a file that is still there
	Letters  int // dead letters
	Unerased int // chunks whose bytes stay until the other events in them are settled
	SetAside int // damaged files that were quarantined: nobody can say whom they are about, so they go
}

// Count counts a record by what waits for it: a lane, a mapping that knows its event, the
// end of the time for which copies are kept, or nothing.
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

// Found is how many records and letters were found.
func (f Forgotten) Found() int { return f.Waiting + f.Unmapped + f.Kept + f.Settled + f.Letters }

// Add adds what another look has found.
func (f *Forgotten) Add(o Forgotten) {
	f.Waiting += o.Waiting
	f.Unmapped += o.Unmapped
	f.Kept += o.Kept
	f.Settled += o.Settled
	f.Letters += o.Letters
	f.SetAside += o.SetAside
	f.Unerased = o.Unerased // those that are there by now
}
