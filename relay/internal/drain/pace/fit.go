package pace

import "relay/relay/internal/graph"

// Fit finds the size of request that a line carries. A body that the line did not
// carry to its last byte was stored by nobody: the next one is half as large. What
// passes grows again, by half after some successes; the more often that was too much,
// the longer it waits, so that on a slow line hardly anything is sent twice.
type Fit struct {
	passed int  // requests in a row that were carried
	need   int  // how many let the next be larger; 0: leastPassed
	grew   bool // and nothing failed since
	cuts   int  // connections in a row that were cut while a body was on its way
}

const (
	leastSize   = 8 << 10 // of a request, in bytes: whatever is larger than that may be one event
	leastPassed = 8
	mostPassed  = 64
)

// Failed says what size to try after a request of size bytes failed: 0 for no other.
// A connection that was cut once may be anything; cut twice it counts.
func (f *Fit) Failed(r graph.Result, size int64) int64 {
	switch {
	case r.Class == graph.TooMuch, r.TooSlow:
	case r.Upload == graph.UploadPart && r.HTTPStatus == 0:
		if f.cuts++; f.cuts < 2 {
			return 0
		}
	default:
		f.cuts = 0
		return 0
	}
	f.passed, f.cuts, f.grew = 0, 0, false
	f.need = min(2*max(f.need, leastPassed), mostPassed)
	return max(size/2, leastSize)
}

// Passed takes a request that was carried. It gives the size that others may have
// then, of which most is the bound: 0 when that holds alone.
func (f *Fit) Passed(size, most int64) int64 {
	f.cuts = 0
	if size == 0 {
		return 0
	}
	if f.passed++; f.passed < max(f.need, leastPassed) {
		return size
	}
	if f.grew { // what it grew to has passed as often
		f.need /= 2
	}
	f.passed, f.grew = 0, true
	if size += size / 2; size >= most {
		return 0
	}
	return size
}
