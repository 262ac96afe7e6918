package api

import "time"

// Outcome is what `relay tail` and the page show of one conversion: nothing
// of the customer.
type Outcome struct {
	Time      time.Time `json:"time"`
	Outcome   string    `json:"outcome"` // received, delivered, skip, dead, retry, …
	MessageID string    `json:"message_id,omitempty"`
	Event     string    `json:"event,omitempty"`
	EventSet  string    `json:"event_set,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"` // plain words; Meta's are cleaned before
	Code      int       `json:"code,omitempty"`
	Subcode   int       `json:"subcode,omitempty"`
	FBTraceID string    `json:"fbtrace_id,omitempty"`
	Count     int       `json:"count,omitempty"` // when one line stands for several
}
