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
	Data          [][]byte // each one conversion as JSON
}

// Class says what a lane does about an answer. It is decided by Meta's code
// and subcode in one table (internal/meta), never by the type, and by the text only
// where Meta has nothing else (sayings).
type Class int

// The classes of answers.
const (
	Delivered     Class = iota // accepted, events_received equals what was sent
	Duplicate                  // Meta has it already: counts as delivered
	Retry                      // an error that passes: back off, send the same again
	Doubt                      // no answer, or one that cannot be read: may have been stored; send the identical data again
	TooMuch                    // an error that passes once less is sent at once
	Throttle                   // stop for RetryAfter
	TokenPause                 // the token is dead: pause every lane of it
	PermPause                  // the token may not do this: pause the lane
	ConfigPause                // wrong id, version or signature: pause the lane
	InvalidEvent               // one event is bad; Bad says which when Meta said so
	InvalidBatch               // some event is bad, unnamed: bisect
	NotApplicable              // an error that concerns calls relay never makes
)

// Result is what became of one Request.
type Result struct {
	Class      Class
	HTTPStatus int    // 0: no answer
	Sent       int    // events of the request
	Upload     Upload // how much of it left
	TooSlow    bool   // it was given up while its body was on its way
	Foreign    bool   // the answer was read, and is none that the Graph API gives
	Code       int
	Subcode    int
	Message    string // Meta's words, cleaned of anything personal; or what the network said, without the URL
	FBTraceID  string
	Said       string        // another relay's code for why it does not take something
	Received   int           // events_received or num_processed_entries
	Bad        []BadEvent    // bad events by index, when the answer named them
	RetryAfter time.Duration // as told by the headers or the body, clamped; 0: not told
	Usage      float64       // highest usage percentage of the usage headers, 0..100+; 0: not told
	ServerTime time.Time     // Date header; zero: none
	Warning    string        // X-Ad-Api-Version-Warning and the like
	Elapsed    time.Duration
}

// ProofRefused says that Meta refuses the signature made with the app's secret,
// or wants one. Its code may be that of a bad event (docs/meta.md 6.7).
func (r *Result) ProofRefused() bool {
	return r.Code == 104 || r.Code == 100 && r.Subcode == 0 && strings.Contains(r.Message, "appsecret_proof")
}

// BadEvent names one refused event of a request.
type BadEvent struct {
	Index   int
	Code    int
	Subcode int
	Message string
}
