package api

import (
	"time"

	"relay/relay/internal/receipts"
)

// Sale is the state of one conversion of an order or message.
type Sale struct {
	State      string            `json:"state"` // delivered, dead_letter or waiting
	MessageID  string            `json:"message_id"`
	OrderID    string            `json:"order_id,omitempty"`
	Event      string            `json:"event"`
	EventSets  []string          `json:"event_sets"`
	ReceivedAt time.Time         `json:"received_at"`
	Receipt    *receipts.Receipt `json:"receipt,omitempty"`     // if delivered
	Dead       *Dead             `json:"dead_letter,omitempty"` // if a dead letter
}

// The states of a Sale.
const (
	SaleDelivered = "delivered"
	SaleDead      = "dead_letter"
	SaleWaiting   = "waiting"
)
