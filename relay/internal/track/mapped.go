package track

import (
	"time"

	"relay/mapper"
	"relay/queue"
)

// Mapped is an event as the mapper takes it, made of what the queue keeps.
func Mapped(body []byte, id string, received time.Time, flags queue.Flags) mapper.Event {
	return mapper.Event{
		Body:      body,
		MessageID: id,
		Received:  received,
		Imported:  flags&queue.FlagImported != 0,
		TooLarge:  flags&queue.FlagTooLarge != 0,
		Repeated:  flags&queue.FlagRepeated != 0,
		NaN:       flags&queue.FlagNaN != 0,
	}
}

// Unusable is what becomes of an unusable message: the mapper's word for it when
// it has one, else that it is no usable track call.
func Unusable(outcomes []mapper.Outcome, id string, flags queue.Flags) mapper.Outcome {
	for _, o := range outcomes {
		if o.Kind == mapper.Hold && (o.Reason == mapper.ReasonInvalid || o.Reason == mapper.ReasonTooLarge) {
			return o
		}
	}
	if flags&queue.FlagTooLarge != 0 {
		return mapper.Outcome{MessageID: id, Kind: mapper.Hold, Reason: mapper.ReasonTooLarge, Message: "larger than an event may be"}
	}
	return mapper.Outcome{MessageID: id, Kind: mapper.Hold, Reason: mapper.ReasonInvalid, Message: "not a usable track call"}
}
