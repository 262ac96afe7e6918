package mapper

import (
	"encoding/json"
	"time"

	"relay/internal/meta"
)

// Event is one track call as it was stored.
type Event struct {
	Body      []byte    // the JSON that arrived, batch context merged
	MessageID string    // wins over the body's messageId when set
	Store     string    // whose event it is, at a hub: messageIds of two stores may be the same
	Received  time.Time // time of receipt
	Imported  bool      // came by import or spool: no clock-skew correction
	TooLarge  bool      // was over the event size limit
	Repeated  bool      // a name stood more than once in one object: the last was kept
	NaN       bool      // NaN or Infinity stood where null does now
}

// Kind says what becomes of an event for one list and event set.
type Kind string

// The three outcomes.
const (
	Send Kind = "send" // would be uploaded
	Skip Kind = "skip" // deliberately not sent, counted by reason
	Hold Kind = "hold" // becomes a dead letter
)

// Outcome is what one event becomes for one (list, event set). Its JSON form
// is one line of `relay map`.
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
	Name          string    `json:"-"` // the conversion's name (event_name)
	EventTime     time.Time `json:"-"` // whole seconds
	OrderID       string    `json:"-"`

	// Keys has each match key, in the order of KeyNames. It is nil when the
	// event was skipped or held as a whole: its keys were of no interest.
	// Outcomes share it: it must not be changed.
	Keys []KeyResult `json:"-"`

	// People are fingerprints of whom the event is about: of each e-mail
	// address, phone number, external id and lead id that is a match key of it.
	// nil for a mapping without a secret (WithSecret), and where Keys is nil.
	// Outcomes of one event share it: it must not be changed.
	People []string `json:"-"`
}

// Note is something odd about an event that did not stop it. Message never
// holds a value of the event.
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

// Hold reasons, in the order in which they are tested.
const (
	ReasonInvalid         = "invalid"
	ReasonTooLarge        = "too_large"
	ReasonIDConflict      = "id_conflict" // by the queue: the id is another event's
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
	ReasonRejected        = "rejected"   // by Meta, later
	ReasonUnanswered      = "unanswered" // by delivery: alone it draws no answer of Meta's, though others do
)
