package advice

import (
	"fmt"
	"maps"
	"strings"

	"relay/mapper"
)

// reasons describes why an event became a dead letter.
var reasons = map[string]string{
	mapper.ReasonInvalid:         "not a usable event",
	mapper.ReasonTooLarge:        "larger than the limit",
	mapper.ReasonIDConflict:      "another event has its messageId",
	mapper.ReasonUnrouted:        "no longer mapped to this event set",
	mapper.ReasonExpression:      "a formula in the mapping failed",
	mapper.ReasonUnknownTime:     "time of the event unknown",
	mapper.ReasonExpired:         "too old for Meta",
	mapper.ReasonFuture:          "dated in the future",
	mapper.ReasonNoMatchKey:      "no usable customer data",
	mapper.ReasonWeakMatchKeys:   "customer data too weak to match",
	mapper.ReasonMissingValue:    "purchase without a value",
	mapper.ReasonInvalidValue:    "purchase with an unreadable value",
	mapper.ReasonMissingCurrency: "purchase without a currency",
	mapper.ReasonInvalidCurrency: "purchase with an unknown currency",
	mapper.ReasonRejected:        "refused by Meta",
	mapper.ReasonUnanswered:      "Meta does not answer when it is sent",
}

// Reasons returns every reason of a dead letter with its description.
func Reasons() map[string]string { return maps.Clone(reasons) }

// ForReason describes why an event became a dead letter.
func ForReason(reason string) string {
	if w, ok := reasons[reason]; ok {
		return w
	}
	return strings.ReplaceAll(reason, "_", " ")
}

// FixIDConflicts is what to do about events that arrived with another event's messageId.
const FixIDConflicts = "Configure the sender to give each event a messageId of its own, then run `relay dead retry --reason id_conflict`: it sends them with new ids that relay makes."

// IDConflicts describes n events that arrived with another event's messageId. when is
// the time span, such as "today".
func IDConflicts(n int64, when string) string {
	if n == 1 {
		return "1 event arrived with another event's messageId " + when + "; it is kept as a dead letter (id_conflict)."
	}
	return fmt.Sprintf("%d events arrived with other events' messageIds %s; they are kept as dead letters (id_conflict).", n, when)
}
