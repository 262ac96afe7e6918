package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relay/queue"
)

// Lane is an event set of the running relay.
type Lane struct {
	ID       string
	State    string // of package drain
	Headline string // the state in words
	Todo     string // the fix; You have to act unless it names somebody
	Pending  int64
}

// lanes reports the event sets that are stopped until a person acts.
func (e *exam) lanes() {
	for _, l := range e.Running.Lanes {
		level, stopped := stoppedStates[l.State]
		switch {
		case !stopped, l.Pending == 0 && l.State != "no_token":
			continue
		case l.State == "no_token" && e.Config.Graph.AccessToken.IsEmpty():
			continue // tokenText reports it
		}
		f := Finding{
			Check: "lane", Code: l.State, Level: level, EventSet: l.ID, Fix: l.Todo,
			Text: fmt.Sprintf("%s: %s. %s.", laneName(l.ID), l.Headline, waiting(l.Pending)),
		}
		if !strings.Contains(f.Fix, " must ") {
			f.Who = You
		}
		e.report(f)
	}
}

// stoppedStates are the states that a lane leaves only if a person acts.
var stoppedStates = map[string]Level{
	"paused_token": Fail, "paused_permission": Fail, "paused_config": Fail, "breaker": Fail, "no_token": Fail, "storage": Fail,
	"dead_letters_full": Fail, "no_mapping": Fail, "retired": Warn, "manually_paused": Warn,
}

func waiting(n int64) string {
	if n == 1 {
		return "1 event is waiting"
	}
	return fmt.Sprintf("%d events are waiting", n)
}

// laneName returns the name of a lane at the beginning of a sentence.
func laneName(id string) string {
	switch id {
	case queue.LaneForward:
		return "Forwarding to the hub"
	case queue.LaneRefused, queue.LaneConflict:
		return "Unusable messages"
	case queue.LaneLetters:
		return "Dead letters of another relay"
	}
	return "Event set " + id
}

// fullQueue returns what fills a full queue, and the fix.
func fullQueue(r Running) (text, fix string) {
	if r.Full == "disk_full" {
		return "", "Free space on the volume of the queue. relay then accepts events again by itself."
	}
	text = fmt.Sprintf(" It holds %d unmapped events and %d dead letters; %s.", r.Unmapped, r.Dead, waiting(r.Pending))
	fix = "Export or drop dead letters (`relay dead`), or raise queue.max_size."
	if len(r.Lanes) == 0 || r.Pending == 0 {
		return text, fix
	}
	most := slices.MaxFunc(r.Lanes, func(a, b Lane) int { return cmp.Compare(a.Pending, b.Pending) })
	text += fmt.Sprintf(" Most are waiting for event set %s: %s.", most.ID, most.Headline)
	if _, stopped := stoppedStates[most.State]; stopped {
		return text, "Fix event set " + most.ID + " as described below, drop its waiting events (`relay lane drop " + most.ID + "`), or raise queue.max_size."
	}
	return text, "Run `relay status` to see why delivery to event set " + most.ID + " is slow, or raise queue.max_size."
}
