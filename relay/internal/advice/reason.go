package advice

import (
	"fmt"
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
	mapper.ReasonUnknownTime:     "nobody knows when it happened",
	mapper.ReasonExpired:         "too old for Meta",
	mapper.ReasonFuture:          "dated in the future",
	mapper.ReasonNoMatchKey:      "no usable customer data",
	mapper.ReasonWeakMatchKeys:   "customer data too weak to match",
	mapper.ReasonMissingValue:    "purchase without a value",
	mapper.ReasonInvalidValue:    "purchase with an unreadable value",
	mapper.ReasonMissingCurrency: "purchase without a currency",
	mapper.ReasonInvalidCurrency: "purchase with an unknown currency",
	mapper.ReasonRejected:        "refused by Meta",
	mapper.ReasonUnanswered:      "Meta gives no answer to it",
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

// FixIDConflicts is what to do about events whose messageId was another event's.
const FixIDConflicts = "Have the sender give each event a messageId of its own, then run `relay dead retry --reason id_conflict`: it sends them under ids that relay makes."

// IDConflicts is a sentence about n of them, in the time that when names.
func IDConflicts(n int64, when string) string {
	if n == 1 {
		return "1 event came under another event's messageId " + when + "; it is kept as a dead letter (id_conflict)."
	}
	return fmt.Sprintf("%d events came under other events' messageIds %s; they are kept as dead letters (id_conflict).", n, when)
}
