package api

import (
	"time"

	"relay/relay/internal/receipts"
)

// Sale says what became of one conversion of the order, or message, that was
// asked for.
type Sale struct {
	State      string            `json:"state"` // delivered, dead_letter or waiting
	MessageID  string            `json:"message_id"`
	OrderID    string            `json:"order_id,omitempty"`
	Event      string            `json:"event"`
	EventSets  []string          `json:"event_sets"`
	ReceivedAt time.Time         `json:"received_at"`
	Receipt    *receipts.Receipt `json:"receipt,omitempty"`     // of a delivered one
	Dead       *Dead             `json:"dead_letter,omitempty"` // of a dead one
}

// The states of a Sale.
const (
	SaleDelivered = "delivered"
	SaleDead      = "dead_letter"
	SaleWaiting   = "waiting"
)
