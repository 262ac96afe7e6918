package pace

import "relay/relay/internal/graph"

// Fit finds the request size that a connection can carry. After a request that was not sent
// completely, which therefore was not stored, the next one is half as large. After some
// successes the size grows by half. The more often a larger size failed, the more successes
// that needs, so that on a slow connection almost nothing is sent twice.
type Fit struct {
	passed int  // requests in a row that were sent completely
	need   int  // successes needed before the size grows; 0: leastPassed
	grew   bool // the size grew, and nothing failed since
	cuts   int  // connections in a row that were cut during the upload
}

const (
	leastSize   = 8 << 10 // smallest size in bytes: a larger request can be a single event
	leastPassed = 8
	mostPassed  = 64
)

// Failed returns the size to try after a request of size bytes failed; 0: no other. One cut
// connection can have any cause; the second one in a row counts.
func (f *Fit) Failed(r graph.Result, size int64) int64 {
	switch {
	case r.Class == graph.TooMuch, r.Failure == graph.FailureSlow:
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

// Passed records a request that was sent completely. size is the current limit, and most the
// limit of the settings. It returns the new limit; 0: only most applies.
func (f *Fit) Passed(size, most int64) int64 {
	f.cuts = 0
	if size == 0 {
		return 0
	}
	if f.passed++; f.passed < max(f.need, leastPassed) {
		return size
	}
	if f.grew { // the larger size has succeeded as often
		f.need /= 2
	}
	f.passed, f.grew = 0, true
	if size += size / 2; size >= most {
		return 0
	}
	return size
}
