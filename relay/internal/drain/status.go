package drain

import (
	"maps"
	"slices"
	"strings"
	"time"

	"relay/relay/internal/graph"
)

// State says what a lane is doing, or what keeps it from it.
type State string

// The states of a lane.
const (
	Idle             State = "idle"              // nothing to send
	Sending          State = "sending"           // at work
	WaitingRetry     State = "waiting_retry"     // an error that passes; tries again by itself
	Throttled        State = "throttled"         // Meta said wait
	RateLimited      State = "rate_limited"      // waits for our own limit, or it is 0
	PausedToken      State = "paused_token"      // the access token is refused
	PausedPermission State = "paused_permission" // the token may not write to this event set
	PausedConfig     State = "paused_config"     // wrong id, version or signature
	BreakerOpen      State = "breaker"           // everything was refused: a broken mapping?
	NoToken          State = "no_token"          // no access token configured
	DryRun           State = "dry_run"           // maps and counts, sends nothing
	Retired          State = "retired"           // the mapping does not name it any more; backlog kept
	ManuallyPaused   State = "manually_paused"   // by an operator
	Storage          State = "storage"           // the queue does not take or give; nothing is sent
	DeadFull         State = "dead_letters_full" // no room for dead letters, and the policy is to hold
	NoMapping        State = "no_mapping"        // there is no mapping yet
	Keeping          State = "keeping"           // unmapped events, kept for a later mapping
)

// States lists all states, for metrics and pages.
func States() []State {
	return []State{
		Idle, Sending, WaitingRetry, Throttled, RateLimited, PausedToken, PausedPermission, PausedConfig,
		BreakerOpen, NoToken, DryRun, Retired, ManuallyPaused, Storage, DeadFull, NoMapping, Keeping,
	}
}

// Problem is the last thing that went wrong in a lane. Message is Meta's or
// the network's, cleaned; Advice says what a person must do, if anything.
type Problem struct {
	At         time.Time `json:"at"`
	Class      string    `json:"class"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Code       int       `json:"code"`
	Subcode    int       `json:"subcode"`
	Message    string    `json:"message"`
	FBTraceID  string    `json:"fbtrace_id,omitempty"`
	Advice     string    `json:"advice,omitempty"`
}

// LaneStatus is a lane as it stands.
type LaneStatus struct {
	Lane        string           `json:"lane"`
	Name        string           `json:"name,omitempty"`
	State       State            `json:"state"`
	Since       time.Time        `json:"since"`
	NextAttempt time.Time        `json:"next_attempt,omitzero"`
	LastAttempt time.Time        `json:"last_attempt,omitzero"`
	LastSuccess time.Time        `json:"last_success,omitzero"`
	LastError   *Problem         `json:"last_error,omitempty"`
	Failures    int              `json:"failures"`
	InFlight    int              `json:"in_flight"`
	InDoubt     bool             `json:"in_doubt"` // a request of unknown fate will be sent again
	Paused      bool             `json:"paused"`   // by an operator
	Retired     bool             `json:"retired"`
	Pending     int64            `json:"pending"`
	Bytes       int64            `json:"bytes"`
	Oldest      time.Time        `json:"oldest,omitzero"`
	LagSeconds  float64          `json:"lag_seconds"`
	Delivered   int64            `json:"delivered"`
	Skipped     map[string]int64 `json:"skipped,omitempty"`
	Dead        map[string]int64 `json:"dead,omitempty"`
	Rate        float64          `json:"rate"`                  // settled a second, over the last half minute
	DrainSec    float64          `json:"drain_seconds"`         // at that rate; -1: unknown
	Usage       float64          `json:"usage_percent"`         // of Meta's allowance, as last told
	DryRun      map[string]int64 `json:"dry_run,omitempty"`     // what would have become of the backlog
	MappedWith  string           `json:"mapped_with,omitempty"` // digest, of the batch at hand
}

// Status is a snapshot of all lanes, by name.
func (s *Supervisor) Status() []LaneStatus {
	stats := s.o.Log.Lanes()
	s.mu.Lock()
	lanes := maps.Clone(s.lanes)
	s.mu.Unlock()
	now, _ := s.clock.now()
	names := s.setNames()

	out := make([]LaneStatus, 0, len(stats))
	for _, st := range stats {
		ls := LaneStatus{Lane: st.Name, State: Idle, DrainSec: -1}
		if l := lanes[st.Name]; l != nil {
			ls = l.view()
			delete(lanes, st.Name)
		}
		ls.Pending, ls.Bytes, ls.Oldest = st.Pending, st.Bytes, st.Oldest
		if !st.Oldest.IsZero() {
			ls.LagSeconds = max(now.Sub(st.Oldest).Seconds(), 0)
		}
		for k, n := range st.Counts {
			switch kind, reason, _ := strings.Cut(k, ":"); kind {
			case "delivered":
				ls.Delivered = n
			case "skip":
				add(&ls.Skipped, reason, n)
			case "dead":
				add(&ls.Dead, reason, n)
			}
		}
		if ls.Rate > 0 {
			ls.DrainSec = float64(ls.Pending) / ls.Rate
		} else if ls.Pending == 0 {
			ls.DrainSec = 0
		}
		out = append(out, ls)
	}
	for _, l := range lanes { // nothing was ever appended for it
		ls := l.view()
		ls.DrainSec = 0
		out = append(out, ls)
	}
	for i := range out {
		out[i].Name = names[out[i].Lane]
	}
	slices.SortFunc(out, func(a, b LaneStatus) int { return strings.Compare(a.Lane, b.Lane) })
	return out
}

func add(m *map[string]int64, k string, n int64) {
	if *m == nil {
		*m = map[string]int64{}
	}
	(*m)[k] += n
}

// ClockSkew is our clock minus Meta's; false: not measured yet.
func (s *Supervisor) ClockSkew() (time.Duration, bool) { return s.clock.measured() }

// Now is the best idea of the time, and whether it is believed (clock.go).
func (s *Supervisor) Now() (time.Time, bool) { return s.clock.now() }

// problem makes a Problem of an answer.
func problem(r graph.Result, at time.Time) *Problem {
	return &Problem{
		At: at, Class: r.Class.String(), HTTPStatus: r.HTTPStatus, Code: r.Code, Subcode: r.Subcode,
		Message: r.Message, FBTraceID: r.FBTraceID, Advice: advice(r),
	}
}

// advice says in plain words who must do what.
func advice(r graph.Result) string {
	switch r.Class {
	case graph.Retry, graph.Doubt:
		return graph.Advice(r) // a certificate or a proxy needs a person
	case graph.Throttle:
		switch r.Code {
		case 368, 1404078, 2859015:
			return "Meta has blocked the account or app for a while. Whoever administers the business account must look into the Account Quality page; relay goes on when the block ends."
		}
		return "Nothing to do: relay waits as long as Meta asked. If it happens often, lower rate.requests_per_second."
	case graph.TokenPause:
		return "The access token is not accepted any more. Whoever administers the business account must generate a new one in Events Manager; put it where graph.access_token or access_token_file reads it. A file is noticed by itself, a changed environment needs a restart."
	case graph.PermPause:
		return "The access token may not write to this event set. In Business Settings, give its system user access to the dataset (and the ads_management or business_management permission); relay notices within the probe interval, or at once with `relay lane resume`."
	case graph.ConfigPause, graph.NotApplicable:
		switch {
		case r.Code == 100 && r.Subcode == 33, r.Code == 803, r.Code == 2044055:
			return "No such event set, or the token may not see it. Check the id in the mapping, and that the dataset is assigned to the token's system user."
		case r.Code == 104:
			return "The app secret does not belong to the token's app. Correct graph.app_secret or take it out."
		case r.Code == 2635:
			return "This version of the Graph API is retired. Set graph.version to a current one."
		case r.Code == 100 && r.Subcode == 2804030:
			return "Meta asks for a choice on Limited Data Use: set limited_data_use in the mapping, or choose in Events Manager."
		case r.HTTPStatus == 407:
			return "The proxy wants a user and password: set graph.proxy."
		}
		return "Meta does not accept this kind of request: check graph.version, the event set and the mapping's api. relay tries again in the probe interval."
	case graph.InvalidEvent, graph.InvalidBatch:
		return "Meta refused single events; they are dead letters with Meta's words. Correct the mapping, then `relay dead retry`."
	}
	return ""
}
