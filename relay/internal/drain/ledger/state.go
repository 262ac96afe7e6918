// Package ledger keeps a lane's decisions until the queue has stored them, and the lane's
// durable state, which is stored with them.
package ledger

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"relay/relay/internal/drain/batch"
)

// State is a lane's durable state, stored as JSON in queue.Settlement.State. It stays under
// 32 KB; its largest part is the note of a request with 2,000 events.
type State struct {
	V         int  `json:"v"`
	Manual    bool `json:"manual,omitempty"`    // paused by an operator
	Breaker   bool `json:"breaker,omitempty"`   // the breaker is open, even after a restart
	Streak    int  `json:"streak,omitempty"`    // refusals in a row
	Announced bool `json:"announced,omitempty"` // the first upload was delivered

	// The wait after a failure. Wait limits it if the clock was changed since: it is never
	// longer than intended.
	Failures int           `json:"failures,omitempty"`
	Throttle int           `json:"throttle,omitempty"` // throttled in a row
	Next     time.Time     `json:"next,omitzero"`
	Wait     time.Duration `json:"wait,omitempty"`
	Problem  *Problem      `json:"problem,omitempty"` // why it waits; none without Failures or Breaker

	Mapping string `json:"mapping,omitempty"` // digest of the mapping of the last delivery, or of one that an operator accepted

	Size   int64    `json:"size,omitempty"`   // request size in bytes that the connection can carry; 0: as in the settings
	Handed []Handed `json:"handed,omitempty"` // of queue.LaneKept: what was forwarded, and when

	Notes []*batch.Note `json:"notes,omitempty"` // conversions in doubt, one note for each recipe
}

// Problem is the last thing that went wrong in a lane. Message is Meta's or the network's,
// without personal data; Advice is what a person must do, if anything.
type Problem struct {
	At         time.Time `json:"at"`
	Class      string    `json:"class"`
	HTTPStatus int       `json:"http_status,omitempty"` // 0: no answer
	Failure    string    `json:"failure,omitempty"`     // graph.Failure: why there was no answer
	Code       int       `json:"code,omitempty"`
	Subcode    int       `json:"subcode,omitempty"`
	Message    string    `json:"message,omitempty"`
	FBTraceID  string    `json:"fbtrace_id,omitempty"`
	Advice     string    `json:"advice,omitempty"`
}

// maxProblemText limits a message and an advice in the state, in bytes.
const maxProblemText = 1 << 10

// shortened returns p as it is stored.
func (p *Problem) shortened() *Problem {
	short := *p
	short.Message, short.Advice = truncate(p.Message), truncate(p.Advice)
	return &short
}

func truncate(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxProblemText)], "")
}

const stateVersion = 2

// Encode returns the state as the queue stores it.
func (d *State) Encode() []byte {
	d.V = stateVersion
	switch {
	case d.Failures == 0 && !d.Breaker:
		d.Problem = nil
	case d.Problem != nil:
		d.Problem = d.Problem.shortened()
	}
	b, err := json.Marshal(d)
	if err != nil { // only a time outside the years 0 to 9999 causes this
		b, _ = json.Marshal(State{V: stateVersion, Manual: d.Manual, Breaker: d.Breaker, Announced: d.Announced})
	}
	return b
}

// Decode reads a lane's state. An empty one is that of a new lane.
func Decode(b []byte) (State, error) {
	var d State
	if len(b) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return State{}, fmt.Errorf("read lane state: %w", err)
	}
	if d.V != stateVersion {
		return State{}, fmt.Errorf("read lane state: unknown version %d", d.V)
	}
	return d, nil
}
