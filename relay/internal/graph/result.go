package graph

import (
	"strings"
	"time"

	"relay/internal/meta"
)

// Request is one upload to one event set.
type Request struct {
	EventSet      string
	API           meta.API
	UploadTag     string
	TestEventCode string
	Data          [][]byte // one conversion each, as JSON
}

// Class is what an answer means for a lane. Meta's code and subcode decide it, by
// one table (internal/meta). The error type never does, and the error text only
// where Meta gives nothing else (textRows).
type Class int

// The classes of answers.
const (
	Delivered     Class = iota // accepted: events_received equals the number sent
	Duplicate                  // Meta already has the events: they count as delivered
	Retry                      // a temporary error: back off and send the same again
	Doubt                      // no readable answer, Meta might have stored the events: send the identical data again
	TooMuch                    // a temporary error that a smaller request avoids
	Throttle                   // rate limited: wait for RetryAfter
	TokenPause                 // the token is invalid: pause every lane that uses it
	PermPause                  // the token lacks a permission: pause the lane
	ConfigPause                // wrong id, version or signature: pause the lane
	InvalidEvent               // one event is bad; Bad identifies it if Meta did
	InvalidBatch               // an unidentified event is bad: bisect the batch
	NotApplicable              // an error of calls that relay never makes
)

// Result is the outcome of one Request.
type Result struct {
	Class      Class
	HTTPStatus int     // 0: no answer
	Failure    Failure // why there was no answer
	Sent       int     // number of events in the request
	Upload     Upload  // how much of the body was sent
	Foreign    bool    // a complete answer that is not from the Graph API
	Code       int
	Subcode    int
	Message    string // Meta's message without personal data, or the network error without the URL
	FBTraceID  string
	Said       string        // another relay's code for its refusal
	Received   int           // events_received or num_processed_entries
	Bad        []BadEvent    // the events that the answer blames, by index
	RetryAfter time.Duration // from the headers or the body, limited; 0: unknown
	Usage      float64       // highest percentage in the usage headers, can exceed 100; 0: unknown
	ServerTime time.Time     // Date header; zero: none
	HubClock   time.Time     // of a hub that does not trust it; zero: ServerTime is known, or no hub
	Warning    string        // such as X-Ad-Api-Version-Warning
	Elapsed    time.Duration
}

// ProofRefused reports whether Meta refused the signature made with the app
// secret, or requires one. The code can be that of a bad event (docs/meta.md 6.7).
func (r *Result) ProofRefused() bool {
	return r.Code == 104 || r.Code == 100 && r.Subcode == 0 && strings.Contains(r.Message, "appsecret_proof")
}

// BadEvent identifies one refused event of a request.
type BadEvent struct {
	Index   int
	Code    int
	Subcode int
	Message string
}
