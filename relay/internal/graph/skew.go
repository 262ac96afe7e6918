package graph

import "time"

// Skew returns this machine's clock minus Meta's, from the Date header of an
// answer that arrived at the local time arrived. last is the previous measurement
// (0: none). It returns false if the answer has no date or did not come from Meta:
// the date of a captive portal means nothing.
//
// The header has whole seconds and was written at an unknown moment of the
// exchange. A difference from last within that uncertainty confirms last; a skew
// within it is 0. So a correct clock has no skew, and a time computed from the skew
// does not change back and forth with every answer.
func (r Result) Skew(arrived time.Time, last time.Duration) (time.Duration, bool) {
	if r.ServerTime.IsZero() || r.Class != Delivered && r.Class != Duplicate && r.Code == 0 && r.FBTraceID == "" {
		return 0, false
	}
	exchange := min(max(r.Elapsed, 0), longestExchange)
	// On average the date is half a second and half the exchange old.
	skew := arrived.Sub(r.ServerTime) - time.Second/2 - exchange/2
	switch resolution := time.Second + exchange; {
	case (skew - last).Abs() <= resolution:
		return last, true
	case skew.Abs() <= resolution:
		return 0, true
	}
	return skew, true
}

// longestExchange limits the uncertainty: an exchange that took longer spent the
// time on the upload, before the header was written.
const longestExchange = 5 * time.Second
