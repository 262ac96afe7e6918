package drain

import (
	"maps"
	"slices"
	"strings"
	"time"

	"relay/internal/logs"
	"relay/queue"
	"relay/relay/internal/drain/batch"
	"relay/relay/internal/drain/ledger"
)

// State is what a lane is doing, or what it waits for.
type State string

// The states of a lane.
const (
	Idle             State = "idle"              // nothing to send
	Sending          State = "sending"           // at work
	WaitingRetry     State = "waiting_retry"     // after a temporary error; tries again by itself
	Throttled        State = "throttled"         // Meta asked to wait
	RateLimited      State = "rate_limited"      // waits for relay's own limit, or it is 0
	PausedToken      State = "paused_token"      // the access token was refused
	PausedPermission State = "paused_permission" // the token is not allowed to write to this event set
	PausedConfig     State = "paused_config"     // wrong id, version or signature
	BreakerOpen      State = "breaker"           // everything was refused, probably a wrong mapping
	NoToken          State = "no_token"          // no access token configured
	DryRun           State = "dry_run"           // maps and counts, sends nothing
	Retired          State = "retired"           // no longer in the mapping; backlog kept
	ManuallyPaused   State = "manually_paused"   // by an operator
	Storage          State = "storage"           // the queue cannot be read or written; nothing is sent
	DeadFull         State = "dead_letters_full" // no space for dead letters, and the policy is to hold
	NoMapping        State = "no_mapping"        // there is no mapping yet
	Standby          State = "standby"           // another relay of the hub delivers
	Stopped          State = "stopped"           // relay is not running; backlog kept
	Keeping          State = "keeping"           // unmapped events, kept for a later mapping
)

// States lists all states, for metrics and pages.
func States() []State {
	return []State{
		Idle, Sending, WaitingRetry, Throttled, RateLimited, PausedToken, PausedPermission, PausedConfig,
		BreakerOpen, NoToken, DryRun, Retired, ManuallyPaused, Storage, DeadFull, NoMapping, Keeping, Standby,
	}
}

// Problem is the last thing that went wrong in a lane.
type Problem = ledger.Problem

// LaneStatus is the state of a running lane. What is pending and settled is in
// queue.LaneStat.
type LaneStatus struct {
	Lane        string
	State       State
	Since       time.Time
	NextAttempt time.Time // zero: none is planned
	LastAttempt time.Time
	Asked       time.Time // start of the request in flight; zero: none
	LastSuccess time.Time
	LastError   *Problem
	Failures    int              // in a row
	InFlight    int              // conversions
	InDoubt     bool             // a request with an unknown outcome will be sent again
	Paused      bool             // by an operator
	Usage       float64          // percent of Meta's allowance, from the last answer
	DryRun      map[string]int64 // outcomes of the backlog in a dry run
}

// Status returns a snapshot of the running lanes, sorted by name.
func (s *Supervisor) Status() []LaneStatus {
	s.mu.Lock()
	lanes := slices.Collect(maps.Values(s.lanes))
	s.mu.Unlock()
	out := make([]LaneStatus, len(lanes))
	for i, l := range lanes {
		out[i] = l.status()
	}
	slices.SortFunc(out, func(a, b LaneStatus) int { return strings.Compare(a.Lane, b.Lane) })
	return out
}

// Now returns the best known time, and whether it is trusted (package clock).
func (s *Supervisor) Now() (time.Time, bool) { return s.clock.Now() }

// TimeOfReceipt returns the time of receipt of an event that is received now (package clock).
func (s *Supervisor) TimeOfReceipt() time.Time { return s.clock.Received() }

// Stamp marks entries that were received by a clock that is not trusted, so that they can be
// dated later.
func (s *Supervisor) Stamp(entries []queue.Entry) {
	s.warnNotStored(s.clock.Stamp(entries))
}

// Received returns when a record was received, corrected once the error of the clock is known.
func (s *Supervisor) Received(rec *queue.Record) time.Time {
	at, _ := s.dates().Received(rec)
	return at
}

// dates returns the corrections of times of receipt that are known now.
func (s *Supervisor) dates() batch.Dates {
	d, err := s.clock.Dates()
	s.warnNotStored(err)
	return d
}

func (s *Supervisor) warnNotStored(err error) {
	if err != nil {
		s.log.Warn("cannot store when the clock was not trusted: events without a timestamp can keep a wrong time after a restart", "code", logs.ClockNotNoted, "err", err)
	}
}

// Foresight returns what applies to letters that are redriven now.
func (s *Supervisor) Foresight() batch.Foresight {
	now, trusted := s.clock.Now()
	return batch.Foresight{Mapping: s.o.Mapping(), MaxAge: s.settings.Load().MaxAge, Now: now, Ages: trusted, Dates: s.dates(), By: s.o.MappingByDigest}
}

// show updates the lane's status. until is the next attempt; zero: none.
func (l *lane) show(s State, until time.Time) {
	now, _ := l.s.clock.Now()
	next := time.Time{}
	if !until.IsZero() {
		next = now.Add(time.Until(until))
	}
	l.mu.Lock()
	v := &l.shown
	was := v.State
	if was != s {
		v.State, v.Since = s, now
	}
	v.NextAttempt = next
	v.LastError = l.problem
	v.Failures = l.State.Failures
	v.Paused = l.State.Manual
	v.InDoubt = l.attempt != nil && l.attempt.doubt || l.unloaded && len(l.State.Notes) > 0
	v.Usage = l.pace.Usage
	v.InFlight = 0
	if s == Sending && l.attempt != nil {
		v.InFlight = len(l.attempt.open)
		v.LastAttempt = now
	}
	v.DryRun = nil
	if s == DryRun {
		v.DryRun = maps.Clone(l.dry.counts)
	}
	since := v.Since
	l.mu.Unlock()
	if was != s {
		l.s.o.Metrics.StateChanged(l.name, s, since)
	}
}

// setAsked records that a request starts or ends now.
func (l *lane) setAsked(does bool) {
	var at time.Time
	if does {
		at, _ = l.s.clock.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown.Asked = at
}

func (l *lane) status() LaneStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shown
}
