package api

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

func (f QueueFilter) query() url.Values {
	q := url.Values{}
	if f.EventSet != "" {
		q.Set("event_set", f.EventSet)
	}
	if f.Event != "" {
		q.Set("event", f.Event)
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

// Queued is a waiting event.
type Queued struct {
	ID         string          `json:"id"` // sequence number: segment-index
	MessageID  string          `json:"message_id"`
	Store      string          `json:"store,omitempty"` // the store whose relay forwarded it
	Event      string          `json:"event"`
	EventSets  []string        `json:"event_sets"`
	ReceivedAt time.Time       `json:"received_at"`
	Bytes      int             `json:"bytes"`
	Imported   bool            `json:"imported,omitempty"`
	Redriven   bool            `json:"redriven,omitempty"`
	Masked     bool            `json:"masked,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	Text       string          `json:"text,omitempty"` // instead of body if the event is not JSON
}

// QueueFilter selects waiting events.
type QueueFilter struct {
	EventSet string // id, name or "unmapped"
	Event    string
	Since    time.Time // received at or after this time
	Limit    int       // 0: all
}
