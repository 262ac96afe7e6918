package sidecar

import "time"

// now is the time of receipt: this machine's clock, unless Meta's answers have
// shown it to be far off.
func (s *Sidecar) now() time.Time {
	told, believed := s.drain.Now() // set before anything is served
	return timeOfReceipt(time.Now(), told, believed)
}

// believed is the time that dead letters age by, and whether it is believed.
func (s *Sidecar) believed() (time.Time, bool) {
	if d := s.clock.Load(); d != nil {
		return d.Now()
	}
	return time.Now(), false
}

func timeOfReceipt(wall, told time.Time, believed bool) time.Time {
	if believed && wall.Sub(told).Abs() > 5*time.Minute {
		return told
	}
	return wall
}
