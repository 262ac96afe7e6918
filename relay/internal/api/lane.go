package api

import (
	"time"

	"relay/relay/internal/advice"
)

// Affected returns Count for the audit log.
func (d Done) Affected() (n int64, dryRun bool) { return d.Count, false }

// Done is the answer to an action without other results.
type Done struct {
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	Count   int64  `json:"count"`
}

// LaneError is the last error of a lane. Message comes from Meta or the network, without
// personal data. Advice says what to do, and who has to.
type LaneError struct {
	At         time.Time `json:"at"`
	Class      string    `json:"class,omitempty"`
	HTTPStatus int       `json:"http_status,omitempty"`
	Failure    string    `json:"failure,omitempty"` // graph.Failure: why there was no answer
	Code       int       `json:"code"`
	Subcode    int       `json:"subcode"`
	Message    string    `json:"message"`
	FBTraceID  string    `json:"fbtrace_id,omitempty"`
	Advice     string    `json:"advice,omitempty"`
}

// LaneInfo is one event set.
type LaneInfo struct {
	Lane          string           `json:"lane"`
	Name          string           `json:"name,omitempty"`
	API           string           `json:"api,omitempty"`
	TestEventCode string           `json:"test_event_code,omitempty"`
	State         string           `json:"state"` // of package drain: idle, sending, waiting_retry, …
	Since         *time.Time       `json:"since"`
	Headline      string           `json:"headline"` // the state in words
	Next          string           `json:"next"`     // what happens next, and when
	Pending       int64            `json:"pending"`
	Bytes         int64            `json:"bytes"`
	InFlight      int              `json:"in_flight"`
	OldestAt      *time.Time       `json:"oldest_at"`
	LagSeconds    float64          `json:"lag_seconds"`
	NextAttemptAt *time.Time       `json:"next_attempt_at"`
	LastSuccessAt *time.Time       `json:"last_success_at"`
	LastAttemptAt *time.Time       `json:"last_attempt_at"`
	AskedAt       *time.Time       `json:"asked_at,omitempty"` // when the request in progress was sent
	LastError     *LaneError       `json:"last_error"`
	InDoubt       bool             `json:"in_doubt"`          // a request with an unknown outcome will be sent again
	Paused        bool             `json:"paused"`            // by an operator
	DryRun        map[string]int64 `json:"dry_run,omitempty"` // predicted outcomes of the waiting events
	Failures      int              `json:"failures"`
	Usage         float64          `json:"usage_ratio"`
	Rate          float64          `json:"rate"` // settled events per second
	DrainSeconds  *float64         `json:"drain_seconds"`
	Counts        map[string]int64 `json:"counts"`
	Dead          int64            `json:"dead"` // dead letters made by this lane
}

// Told reports whether the last error is what stopped the lane. Its advice is then the fix.
func (l *LaneInfo) Told() bool {
	e := l.LastError
	return e != nil && advice.Explains(l.State, e.Class) && (l.LastSuccessAt == nil || e.At.After(*l.LastSuccessAt))
}

// Todo returns the fix for a stopped lane. told reports whether it is for the answer that
// stopped the lane, and not only for the state.
func (l *LaneInfo) Todo() (words string, told bool) {
	if l.Told() {
		return l.LastError.Advice, true
	}
	_, words = advice.ForState(advice.Lane{State: l.State})
	return words, false
}
