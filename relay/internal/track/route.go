package track

import (
	"bytes"
	"slices"

	"relay/queue"
)

// Routes says which event sets an event goes to by its name; none: the mapping
// does not know it. It is called at every event and must be safe for concurrent
// use.
type Routes func(event string) []string

var (
	unmapped = []string{queue.LaneUnmapped}
	refused  = []string{queue.LaneRefused}
)

// Lanes are the lanes that an event is stored for: what the mapping names, else
// the one where events wait for a mapping that knows them.
func Lanes(routes Routes, event string) []string {
	if routes != nil {
		if to := routes(event); len(to) > 0 {
			return to
		}
	}
	return unmapped
}

// RefusedLanes are the lanes that an unusable message is stored for.
func RefusedLanes() []string { return refused }

// IsUnmapped reports whether lanes are those of an event that no mapping knows.
func IsUnmapped(lanes []string) bool { return len(lanes) == 1 && lanes[0] == queue.LaneUnmapped }

// IsEventSet reports whether a lane delivers to an event set: all do but those
// where events wait that cannot be delivered. To forward is to deliver.
func IsEventSet(lane string) bool {
	return lane != queue.LaneUnmapped && !queue.IsBookkeeping(lane) && !BecomesLetters(lane)
}

// BecomesLetters reports whether all that a lane has becomes dead letters.
func BecomesLetters(lane string) bool {
	return lane == queue.LaneRefused || lane == queue.LaneConflict || lane == queue.LaneLetters
}

// RedriveLanes are the lanes that a dead letter goes to when it is sent again: to
// the event set it was for while the mapping still sends its event there, else to
// those the mapping names now, but for those that had the event themselves: what
// became of it there is decided. None: the mapping does not know its event, or it is
// of a message that is no usable track call, whoever maps it; it stays a dead letter.
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
