package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relay/queue"
)

// Lane is an event set of the relay that runs.
type Lane struct {
	ID      string
	State   string // of package drain
	Says    string // the state in plain words
	Todo    string // what must be done; where it does not say who must, You
	Pending int64
}

// lanes says which event sets stand still until a person acts.
func (e *exam) lanes() {
	for _, l := range e.Running.Lanes {
		level, stands := standing[l.State]
		switch {
		case !stands, l.Pending == 0 && l.State != "no_token":
			continue
		case l.State == "no_token" && e.Config.Graph.AccessToken.IsEmpty():
			continue // tokenText says so
		}
		f := Finding{
			Check: "lane", Code: l.State, Level: level, EventSet: l.ID, Fix: l.Todo,
			Text: fmt.Sprintf("%s: %s. %s.", laneName(l.ID), l.Says, waiting(l.Pending)),
		}
		if !strings.Contains(f.Fix, " must ") {
			f.Who = You
		}
		e.say(f)
	}
}

// standing are the states that a lane leaves only when somebody acts.
var standing = map[string]Level{
	"paused_token": Fail, "paused_permission": Fail, "paused_config": Fail, "breaker": Fail, "no_token": Fail, "storage": Fail,
	"dead_letters_full": Fail, "no_mapping": Fail, "retired": Warn, "manually_paused": Warn,
}

func waiting(n int64) string {
	if n == 1 {
		return "1 event waits"
	}
	return fmt.Sprintf("%d events wait", n)
}

// laneName says what a lane is called.
func laneName(id string) string {
	switch id {
	case queue.LaneForward:
		return "What this relay forwards"
	case queue.LaneRefused, queue.LaneConflict:
		return "What cannot be used"
	case queue.LaneLetters:
		return "Dead letters of another relay"
	}
	return "Event set " + id
}

// filled says what a full queue is full of, and what helps.
func filled(r Running) (text, fix string) {
	if r.Full == "disk_full" {
		return "", "Free space on the volume of the queue: relay takes events again by itself."
	}
	text = fmt.Sprintf(" It holds %d unmapped events and %d dead letters; %s.", r.Unmapped, r.Dead, waiting(r.Pending))
	fix = "Export or drop dead letters (`relay dead`), or raise queue.max_size."
	if len(r.Lanes) == 0 || r.Pending == 0 {
		return text, fix
	}
	most := slices.MaxFunc(r.Lanes, func(a, b Lane) int { return cmp.Compare(a.Pending, b.Pending) })
	text += fmt.Sprintf(" Most wait for event set %s: %s.", most.ID, most.Says)
	if _, stands := standing[most.State]; stands {
		return text, "Do what is said below of event set " + most.ID + ", or drop what waits for it (`relay lane drop " + most.ID + "`), or raise queue.max_size."
	}
	return text, "See why event set " + most.ID + " is not delivered to fast enough (`relay status`), or raise queue.max_size."
}
