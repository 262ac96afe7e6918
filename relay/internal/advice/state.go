package advice

import (
	"fmt"
	"strings"
	"time"

	"relay/relay/internal/graph"
)

// Lane is an event set as ForState looks at it.
type Lane struct {
	State string // of package drain
	Now   time.Time
	Next  time.Time     // of the next attempt; zero: none is planned
	Asked time.Time     // when the request left whose answer is waited for; zero: none is
	Hub   bool          // it is the hub that answers, not Meta
	Drain time.Duration // how long what waits will take; 0: not known
	Usage float64       // of Meta's allowance; 1 is all of it
	Lack  string        // why there is no access token, as NoToken takes it
	// Silent: the servers of a queue that several relays share do not answer.
	Silent bool
	Told   bool // the answer that caused the state is shown with its own advice
}

// Explains tells whether an answer of this class is what brings a lane into
// this state, so that the answer's advice says what must be done about it.
func Explains(state, class string) bool {
	switch state {
	case "paused_token":
		return class == graph.TokenPause.String()
	case "paused_permission":
		return class == graph.PermPause.String()
	case "paused_config":
		return class == graph.ConfigPause.String() || class == graph.NotApplicable.String() || class == graph.InvalidBatch.String()
	case "breaker":
		return class == graph.InvalidEvent.String() || class == graph.InvalidBatch.String() || class == graph.NotApplicable.String() ||
			class == HeldClass
	case "waiting_retry":
		return class == graph.Retry.String() || class == graph.Doubt.String() || class == graph.TooMuch.String()
	case "throttled":
		return class == graph.Throttle.String()
	}
	return false
}

// ForState says a lane's state to somebody who has never read the code: what
// is the case, and what happens next, when, and by whom.
func ForState(l Lane) (headline, next string) {
	when := "soon"
	if !l.Next.IsZero() {
		when = in(l.Next.Sub(l.Now))
	}
	switch l.State {
	case "idle":
		return "Nothing to send", "Sends as soon as an event arrives."
	case "stopped":
		return "relay is not running", "Events are kept. Start it (`relay run`)."
	case "standby":
		if l.Silent {
			return "Not known who delivers", "The NATS servers do not answer, or too few of them are there: `relay doctor` says which. It goes on by itself once they are back."
		}
		return "Another relay delivers", "This one stores what it gets, and takes over when that one is gone. Nothing to do."
	case "sending":
		if waits := l.Now.Sub(l.Asked); !l.Asked.IsZero() && waits >= 5*time.Second {
			whose := "Meta's"
			if l.Hub {
				whose = "the hub's"
			}
			return "Waiting for " + whose + " answer", "None has come for " + About(waits) + ". relay tries again by itself; what it sends is kept until the answer."
		}
		if l.Drain >= 10*time.Second {
			return "Sending", "Done in about " + About(l.Drain) + " at this rate."
		}
		return "Sending", "Nothing to do."
	case "waiting_retry":
		return "Waiting to try again", "Tries again " + when + "." + l.kept()
	case "throttled":
		return "Asked to wait", "Sends again " + when + "." + l.kept()
	case "rate_limited":
		if l.Usage >= 0.8 && !l.Next.IsZero() {
			return fmt.Sprintf("Going slowly: %.0f %% of Meta's allowance is used", 100*l.Usage),
				"Sends again " + when + ", so that Meta has no reason to block. Events are kept; nothing to do unless it lasts."
		}
		return "Waiting for its turn", "Sends as fast as rate.requests_per_second in relay.yaml allows; at 0 nothing is sent."
	case "manually_paused":
		return "Paused by an operator", "Events are kept; `relay lane resume` lets it send again."
	case "paused_token":
		return "Access token refused", l.waits(token(graph.Result{HTTPStatus: 400}))
	case "paused_permission":
		return "Not allowed to write to this event set", l.waits(permission(graph.Result{}))
	case "paused_config":
		return "Settings are wrong", l.waits(settingsWrong())
	case "breaker":
		return "Stopped: everything is refused", l.waits(Breaker(graph.Result{}))
	case "no_token":
		return "No access token", l.waits(NoToken(l.Lack))
	case "dry_run":
		return "Dry run", DryRun().What + " Events are mapped and checked, and kept."
	case "retired":
		return "No longer in the mapping", "Its events are kept. Move them to another event set, or drop them."
	case "storage":
		return "The queue does not answer", "Sends nothing until progress can be noted. Check the disk, or the NATS servers; it goes on by itself."
	case "dead_letters_full":
		return "No space for dead letters", "Retry, export or drop dead letters, or raise queue.dead_max_size. Events are kept."
	case "no_mapping":
		return "No mapping", "Write the mapping file: relay goes on when it is saved. Events are kept."
	}
	return strings.ReplaceAll(l.State, "_", " "), ""
}

// Standby says which relay delivers, of those that share a queue, when this one does not.
// silent: their servers do not answer.
func Standby(relay string, silent bool) string {
	if silent {
		return "which relay delivers is not known: the NATS servers do not answer, or too few of them are there (`relay doctor` says which)"
	}
	if relay == "" {
		return "another relay delivers, or will in a moment; this one takes over when that one is gone"
	}
	return relay + " delivers, and does what this relay is asked; this one takes over when that one is gone"
}

// DryRun is about graph.dry_run.
func DryRun() Advice {
	return Advice{
		Cause: "dry_run", What: "graph.dry_run is on: nothing is uploaded.",
		Who: Operator, Do: "take graph.dry_run out of relay.yaml when you go live; relay notices by itself",
	}
}

// waits says of a lane that waits for a person who must do what, and when it
// looks by itself.
func (l Lane) waits(a Advice) string {
	var parts []string
	if !l.Told {
		parts = append(parts, a.must())
	}
	if l.Next.IsZero() {
		parts = append(parts, "Events are kept.")
	} else {
		parts = append(parts, "Events are kept; one request is tried "+in(l.Next.Sub(l.Now))+".")
	}
	return strings.Join(parts, " ")
}

// kept says of a lane that goes on by itself what becomes of its events. What
// somebody must do is for the answer to say, where it is shown.
func (l Lane) kept() string {
	if l.Told {
		return " Events are kept."
	}
	return " Events are kept; nothing to do unless it lasts."
}

func in(d time.Duration) string {
	if d <= time.Second {
		return "now"
	}
	return "in " + About(d)
}
