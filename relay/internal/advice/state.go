package advice

import (
	"fmt"
	"strings"
	"time"

	"relay/relay/internal/graph"
)

// Lane is what ForState needs to know about a lane.
type Lane struct {
	State  string // a drain.State
	Now    time.Time
	Next   time.Time     // next attempt; zero: none is planned
	Asked  time.Time     // start of the request in flight; zero: none
	Hub    bool          // requests go to a hub, not to Meta
	Drain  time.Duration // estimated time until the pending events are sent; 0: unknown
	Usage  float64       // part of Meta's allowance that is used; 1 is all of it
	Lack   string        // why there is no access token (see NoToken)
	Silent bool          // the NATS servers of a shared queue do not answer
	Told   bool          // the advice for the answer that caused the state is shown too
}

// Explains reports whether an answer of this class leads to this state. The advice for
// the answer then covers the state.
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

// ForState describes a lane's state to a person: what it is, and what happens next,
// when, and who must act.
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
			return "Unknown which relay delivers", "The NATS servers do not answer, or too few of them are running: `relay doctor` shows which. relay continues by itself once they are back."
		}
		return "Another relay delivers", "This one stores the events it receives, and takes over if the other one stops. Nothing to do."
	case "sending":
		if waits := l.Now.Sub(l.Asked); !l.Asked.IsZero() && waits >= 5*time.Second {
			whose := "Meta's"
			if l.Hub {
				whose = "the hub's"
			}
			return "Waiting for " + whose + " answer", "None has arrived for " + About(waits) + ". relay tries again by itself and keeps the events until then."
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
			return fmt.Sprintf("Sending slowly: %.0f %% of Meta's allowance is used", 100*l.Usage),
				"Sends again " + when + ", so that Meta does not block it. Events are kept; nothing to do unless this lasts."
		}
		return "Waiting for its turn", "Sends as fast as rate.requests_per_second in relay.yaml allows; at 0 nothing is sent."
	case "manually_paused":
		return "Paused by an operator", "Events are kept until `relay lane resume`."
	case "paused_token":
		return "Access token refused", l.actionNeeded(token(graph.Result{HTTPStatus: 400}))
	case "paused_permission":
		return "Not allowed to write to this event set", l.actionNeeded(permission(graph.Result{}))
	case "paused_config":
		return "Settings are wrong", l.actionNeeded(settingsWrong())
	case "breaker":
		return "Stopped: everything is refused", l.actionNeeded(Breaker())
	case "no_token":
		return "No access token", l.actionNeeded(NoToken(l.Lack))
	case "dry_run":
		return "Dry run", DryRun().What + " Events are mapped and checked, and kept."
	case "retired":
		return "No longer in the mapping", "Its events are kept. Move them to another event set, or drop them."
	case "storage":
		return "The queue does not answer", "Nothing is sent until progress can be stored. Check the disk or the NATS servers; relay continues by itself."
	case "dead_letters_full":
		return "No space for dead letters", WithRestart("Retry, export or drop dead letters, or raise queue.dead_max_size. Events are kept.")
	case "no_mapping":
		return "No mapping", "Write the mapping file: relay continues when it is saved. Events are kept."
	}
	return strings.ReplaceAll(l.State, "_", " "), ""
}

// Standby describes which of the relays that share a queue delivers, when this one does
// not. silent: their NATS servers do not answer.
func Standby(relay string, silent bool) string {
	if silent {
		return "it is unknown which relay delivers: the NATS servers do not answer, or too few of them are running (`relay doctor` shows which)"
	}
	if relay == "" {
		return "another relay delivers, or will in a moment; this one takes over if the other one stops"
	}
	return relay + " delivers, and carries out the commands given to this relay; this one takes over if it stops"
}

// DryRun is the advice for graph.dry_run.
func DryRun() Advice {
	return Advice{
		Cause: "dry_run", What: "graph.dry_run is on: nothing is uploaded.",
		Who: Operator, Do: "remove graph.dry_run from relay.yaml to go live; relay reloads the file by itself",
	}
}

// actionNeeded describes what follows for a lane that a person must get going again:
// who must do what, and when relay probes.
func (l Lane) actionNeeded(a Advice) string {
	var parts []string
	if !l.Told {
		parts = append(parts, a.must())
	}
	if l.Next.IsZero() {
		parts = append(parts, "Events are kept.")
	} else {
		parts = append(parts, "Events are kept; relay tries one request "+in(l.Next.Sub(l.Now))+".")
	}
	return strings.Join(parts, " ")
}

// kept describes what happens to the events of a lane that continues by itself. If the
// answer's advice is shown, that covers what a person must do.
func (l Lane) kept() string {
	if l.Told {
		return " Events are kept."
	}
	return " Events are kept; nothing to do unless this lasts."
}

func in(d time.Duration) string {
	if d <= time.Second {
		return "now"
	}
	return "in " + About(d)
}
