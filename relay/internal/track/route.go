package track

import (
	"bytes"
	"slices"

	"relay/queue"
)

// Routes returns the event sets that an event goes to by its name; none if the mapping does not
// have the event. It is called for every event and must be safe for concurrent use.
type Routes func(event string) []string

var (
	unmapped = []string{queue.LaneUnmapped}
	refused  = []string{queue.LaneRefused}
)

// Lanes returns the lanes that an event is stored for: the mapping's event sets, or the lane of
// unmapped events.
func Lanes(routes Routes, event string) []string {
	if routes != nil {
		if to := routes(event); len(to) > 0 {
			return to
		}
	}
	return unmapped
}

// RefusedLanes returns the lanes that an unusable message is stored for.
func RefusedLanes() []string { return refused }

// IsUnmapped reports whether lanes are those of an event that the mapping did not have.
func IsUnmapped(lanes []string) bool { return len(lanes) == 1 && lanes[0] == queue.LaneUnmapped }

// IsEventSet reports whether a lane delivers to an event set or forwards to a hub. The other
// lanes hold events that cannot be delivered.
func IsEventSet(lane string) bool {
	return lane != queue.LaneUnmapped && !queue.IsBookkeeping(lane) && !BecomesLetters(lane)
}

// BecomesLetters reports whether all records of a lane become dead letters.
func BecomesLetters(lane string) bool {
	return lane == queue.LaneRefused || lane == queue.LaneConflict || lane == queue.LaneLetters
}

// RedriveLanes returns the lanes for a dead letter that is sent again: its event set, if the
// mapping still sends the event there; otherwise the event sets of the current mapping, without
// those in d.Lanes, which already have an outcome. It returns none if the mapping does not have
// the event, or if the message is not a usable track call; it then stays a dead letter.
func RedriveLanes(routes Routes, d queue.DeadLetter) []string {
	if d.EventSet == "" {
		var r Reader
		if msg, err := r.One(bytes.Clone(d.Body)); err != nil || msg.Problem != nil || !msg.Track {
			return nil
		}
	}
	name := Name(d.Body)
	if name == "" {
		name = d.Event
	}
	to := routes(name)
	if d.EventSet != "" && slices.Contains(to, d.EventSet) {
		return []string{d.EventSet}
	}
	return slices.DeleteFunc(slices.Clone(to), func(lane string) bool { return slices.Contains(d.Lanes, lane) })
}
