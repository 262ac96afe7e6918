// Package ledger keeps what a lane has decided until the queue has stored it, and the
// lane's durable state, which is stored with it.
package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"relay/queue"
	"relay/relay/internal/drain/batch"
)

// State is the lane's position of work as it lies in the queue, in
// Settlement.State. It stays under 32 KB: the note of a request of 2,000 events is
// its largest part.
type State struct {
	V         int  `json:"v"`
	Manual    bool `json:"manual,omitempty"`    // paused by an operator
	Breaker   bool `json:"breaker,omitempty"`   // everything was refused; a restart burns no more
	Streak    int  `json:"streak,omitempty"`    // refusals in a row
	Announced bool `json:"announced,omitempty"` // the first upload was delivered

	// The wait after a failure. Wait bounds what a clock that moved makes of
	// Next: never longer than it was meant to be.
	Failures int           `json:"failures,omitempty"`
	Throttle int           `json:"throttle,omitempty"` // throttled in a row
	Next     time.Time     `json:"next,omitzero"`
	Wait     time.Duration `json:"wait,omitempty"`
	Problem  *Problem      `json:"problem,omitempty"` // why it waits; none without Failures or Breaker

	Mapping string `json:"mapping,omitempty"` // digest of that of the last delivery, or of one that an operator let pass

	Size   int64    `json:"size,omitempty"`   // most bytes of a request that the line carries; 0: what the settings allow
	Handed []Handed `json:"handed,omitempty"` // of queue.LaneKept: what was handed over by when

	Notes []*batch.Note `json:"notes,omitempty"` // of what is in doubt, one for each recipe
}

// Problem is the last thing that went wrong in a lane. Message is Meta's or
// the network's, cleaned; Advice says what a person must do, if anything.
type Problem struct {
	At         time.Time `json:"at"`
	Class      string    `json:"class"`
	HTTPStatus int       `json:"http_status,omitempty"` // 0: no answer
	Code       int       `json:"code,omitempty"`
	Subcode    int       `json:"subcode,omitempty"`
	Message    string    `json:"message,omitempty"`
	FBTraceID  string    `json:"fbtrace_id,omitempty"`
	Advice     string    `json:"advice,omitempty"`
}

// maxProblemText is how much of a message and of an advice is kept: the state has a bound.
const maxProblemText = 1 << 10

// kept is what lies in the state of p.
func (p *Problem) shortened() *Problem {
	short := *p
	short.Message, short.Advice = truncate(p.Message), truncate(p.Advice)
	return &short
}

func truncate(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxProblemText)], "")
}

const stateVersion = 2

// Encode gives the state as the queue keeps it.
func (d *State) Encode() []byte {
	d.V = stateVersion
	switch {
	case d.Failures == 0 && !d.Breaker:
		d.Problem = nil
	case d.Problem != nil:
		d.Problem = d.Problem.shortened()
	}
	b, err := json.Marshal(d)
	if err != nil { // only times outside year 0..9999 can do that
		b, _ = json.Marshal(State{V: stateVersion, Manual: d.Manual, Breaker: d.Breaker, Announced: d.Announced})
	}
	return b
}

// Decode reads a lane's state; an empty one is a new lane's.
func Decode(b []byte) (State, error) {
	var d State
	if len(b) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return State{}, fmt.Errorf("read lane state: %w", err)
	}
	if d.V != stateVersion {
		return State{}, fmt.Errorf("read lane state: version %d is not known", d.V)
	}
	return d, nil
}

// Handed says that all before a number had been handed over, or had become a dead
// letter, by a time.
type Handed struct {
	To queue.Seq `json:"to"`
	At time.Time `json:"at"`
}
