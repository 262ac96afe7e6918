package graph

import "time"

// Skew is this machine's clock minus Meta's, by the Date header of an answer
// that arrived when this machine's clock showed arrived. last is what was
// measured before, 0 for nothing. It is false where the answer has no date, or
// one that Meta did not write: a captive portal's says nothing.
//
// The header has whole seconds, and was written at some moment of the exchange.
// What lies within that of last confirms last, and else of 0 is no skew: a
// clock that is right is not said to be half a second off, and a time that is
// made of the skew does not go to and fro with every answer.
func (r Result) Skew(arrived time.Time, last time.Duration) (time.Duration, bool) {
	if r.ServerTime.IsZero() || r.Class != Delivered && r.Class != Duplicate && r.Code == 0 && r.FBTraceID == "" {
		return 0, false
	}
	exchange := min(max(r.Elapsed, 0), longestExchange)
	// The header's second had half gone on average, and so had the exchange.
	skew := arrived.Sub(r.ServerTime) - time.Second/2 - exchange/2
	switch resolution := time.Second + exchange; {
	case (skew - last).Abs() <= resolution:
		return last, true
	case skew.Abs() <= resolution:
		return 0, true
	}
	return skew, true
}

// longestExchange bounds what the length of an exchange says about the moment
// the header was written: the time of a longer one went into the upload.
const longestExchange = 5 * time.Second
