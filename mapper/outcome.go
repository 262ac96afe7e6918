package mapper

import (
	"encoding/json"
	"time"

	"relay/internal/meta"
)

// Event is a stored track call.
type Event struct {
	Body      []byte    // the original JSON, merged with the batch context
	MessageID string    // if set, used instead of messageId in the body
	Store     string    // at a hub, the store that sent the event: two stores can use the same messageId
	Received  time.Time // time of receipt
	Imported  bool      // from an import or the spool: no clock skew correction
	TooLarge  bool      // over the event size limit
	Repeated  bool      // a name appeared more than once in one object; the last one was kept
	NaN       bool      // null replaces a NaN or Infinity
}

// Kind is the decision on an event for one list and event set.
type Kind string

// The three outcomes.
const (
	Send Kind = "send" // would be uploaded
	Skip Kind = "skip" // deliberately not sent, counted by reason
	Hold Kind = "hold" // becomes a dead letter
)

// Outcome is the result of mapping one event for one list and event set. Its JSON form is one line of
// `relay map`.
type Outcome struct {
	Index      int             `json:"index"`
	MessageID  string          `json:"message_id"`
	Event      string          `json:"event"`
	Kind       Kind            `json:"outcome"`
	List       string          `json:"-"` // events, lead or complete_registration
	EventSet   string          `json:"event_set,omitempty"`
	API        meta.API        `json:"api,omitempty"`
	UploadTag  string          `json:"upload_tag,omitempty"`
	Conversion json.RawMessage `json:"conversion,omitempty"` // one element of `data`
	Reason     string          `json:"reason,omitempty"`
	Message    string          `json:"message,omitempty"`
	Notes      []Note          `json:"notes,omitempty"`

	TestEventCode string    `json:"test_event_code,omitempty"`
	Name          string    `json:"-"` // event_name of the conversion
	EventTime     time.Time `json:"-"` // whole seconds
	OrderID       string    `json:"-"`

	// Keys has each match key in the order of KeyNames. It is nil if the whole event was skipped
	// or held. Outcomes share the slice, so it must not be modified.
	Keys []KeyResult `json:"-"`

	// People are fingerprints of the people the event is about: of each e-mail address, phone
	// number, external id and lead id that is a match key. It is nil for a mapping without
	// secret (WithSecret), and when Keys is nil. Outcomes of one event share the slice, so it
	// must not be modified.
	People []string `json:"-"`
}

// Note reports a flaw in the event that did not keep it from being sent. Message never contains
// a value of the event.
type Note struct {
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// Skip reasons.
const (
	ReasonNotTrack   = "not_track"
	ReasonDisabled   = "disabled_by_integrations"
	ReasonNoConsent  = "no_consent"
	ReasonUnmapped   = "unmapped"
	ReasonFiltered   = "filtered"
	ReasonNoCustomer = "no_customer"
	ReasonDuplicate  = "duplicate"
)

// Hold reasons, in the order in which they are checked.
const (
	ReasonInvalid         = "invalid"
	ReasonTooLarge        = "too_large"
	ReasonIDConflict      = "id_conflict" // set by the queue: another event has this id
	ReasonUnrouted        = "unrouted"
	ReasonExpression      = "expression"
	ReasonUnknownTime     = "unknown_time"
	ReasonExpired         = "expired"
	ReasonFuture          = "future"
	ReasonNoMatchKey      = "no_match_key"
	ReasonWeakMatchKeys   = "weak_match_keys"
	ReasonMissingValue    = "missing_value"
	ReasonInvalidValue    = "invalid_value"
	ReasonMissingCurrency = "missing_currency"
	ReasonInvalidCurrency = "invalid_currency"
	ReasonRejected        = "rejected"   // set later, when Meta refuses the event
	ReasonUnanswered      = "unanswered" // set by delivery: Meta answers other requests, but not one with only this event
)
