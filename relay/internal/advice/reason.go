package advice

import (
	"maps"
	"strings"

	"relay/mapper"
)

// reasons is why an event became a dead letter.
var reasons = map[string]string{
	mapper.ReasonInvalid:         "not a usable event",
	mapper.ReasonTooLarge:        "larger than the limit",
	mapper.ReasonIDConflict:      "another event came under its messageId",
	mapper.ReasonUnrouted:        "no longer mapped to this event set",
	mapper.ReasonExpression:      "a formula in the mapping failed",
	mapper.ReasonExpired:         "too old for Meta",
	mapper.ReasonFuture:          "dated in the future",
	mapper.ReasonNoMatchKey:      "no usable customer data",
	mapper.ReasonWeakMatchKeys:   "customer data too weak to match",
	mapper.ReasonMissingValue:    "purchase without a value",
	mapper.ReasonInvalidValue:    "purchase with an unreadable value",
	mapper.ReasonMissingCurrency: "purchase without a currency",
	mapper.ReasonInvalidCurrency: "purchase with an unknown currency",
	mapper.ReasonRejected:        "refused by Meta",
}

// Reasons are those of dead letters, with their words.
func Reasons() map[string]string { return maps.Clone(reasons) }

// ForReason says why an event became a dead letter.
func ForReason(reason string) string {
	if w, ok := reasons[reason]; ok {
		return w
	}
	return strings.ReplaceAll(reason, "_", " ")
}
