package api

import "time"

// Outcome is the outcome of a conversion, for `relay tail` and the page. It contains no
// customer data.
type Outcome struct {
	Time      time.Time `json:"time"`
	Outcome   string    `json:"outcome"` // received, delivered, skip, dead, retry, …
	MessageID string    `json:"message_id,omitempty"`
	Event     string    `json:"event,omitempty"`
	EventSet  string    `json:"event_set,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Message   string    `json:"message,omitempty"` // for people; Meta's messages are stripped of personal data
	Code      int       `json:"code,omitempty"`
	Subcode   int       `json:"subcode,omitempty"`
	FBTraceID string    `json:"fbtrace_id,omitempty"`
	Count     int       `json:"count,omitempty"` // if one outcome stands for several events
}
