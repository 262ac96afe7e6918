package mapper

import (
	"fmt"
	"time"

	"relay/mapper/event"
	"relay/mapper/match"
)

// findTime sets event_time: timestamp, else originalTimestamp, else the time of receipt, in
// whole seconds.
func (s *subject) findTime() {
	root := &s.t.Root
	s.when = s.ev.Received
	s.undated = s.when.Year() < event.FirstTrustedYear // the system clock was never set
	source, line := "time of receipt", 0
	var raw *event.Node
	var steps []match.Step
	for _, name := range []string{"timestamp", "originalTimestamp"} {
		n := root.Get(name)
		if n.Blank() {
			continue
		}
		t, ok := s.m.rules.Times.Read(n, s.ev.Received)
		if !ok {
			s.notes.add(noteBadTime, name, event.UnreadableTime(n)+"; the next source is used")
			continue
		}
		s.when, source, raw, s.undated = t, name, n, false
		if !s.m.rules.Times.LocSet && s.m.rules.Times.IsLocal(n, s.ev.Received) {
			s.notes.add(NoteLocalTime, name, "has no time zone, and the mapping sets none: read as UTC; set timezone: in the mapping to the shop's, such as Europe/Berlin")
		}
		if corrected, ok := s.correctSkew(t, name); ok {
			s.when = corrected
			line = s.m.rules.Lines["correct_clock_skew"]
			s.notes.add(noteSkewCorrected, name, "corrected by the sender's clock skew")
			steps = append(steps, match.Step{Rule: "received - (sentAt - " + name + ")", Result: corrected.UTC().Format(time.RFC3339Nano)})
		}
		break
	}
	s.when = s.when.Truncate(0).UTC()
	s.when = time.Unix(s.when.Unix(), 0).UTC() // floor, also before 1970
	if s.x != nil {
		steps = append(steps, match.Step{Rule: "whole seconds, " + s.when.Format(time.RFC3339), Result: fmt.Sprint(s.when.Unix())})
		s.x.field("event_time", source, line, raw, steps, fmt.Sprint(s.when.Unix()))
	}
}

// correctSkew applies Segment's rule, receivedAt - (sentAt - timestamp), if the mapping
// requests it and the event qualifies.
func (s *subject) correctSkew(t time.Time, name string) (time.Time, bool) {
	root := &s.t.Root
	sent := root.Get("sentAt")
	if !s.m.rules.CorrectSkew || s.ev.Imported || sent.Blank() || s.ev.Received.IsZero() {
		return t, false
	}
	if name == "timestamp" && !root.Get("originalTimestamp").Blank() {
		return t, false // already corrected by the sender
	}
	at, ok := s.m.rules.Times.Read(sent, s.ev.Received)
	if !ok {
		s.notes.add(noteBadTime, "sentAt", event.UnreadableTime(sent)+"; no clock skew corrected")
		return t, false
	}
	if skew := s.ev.Received.Sub(at); skew.Abs() <= time.Minute {
		return t, false
	}
	return s.ev.Received.Add(t.Sub(at)), true
}
