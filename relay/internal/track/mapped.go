package track

import (
	"bytes"
	"time"

	"relay/mapper"
	"relay/queue"
)

// Mapped returns a stored event as the mapper takes it.
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

// IDConflict returns the outcome of an event whose messageId belongs to another event.
func IDConflict(outcomes []mapper.Outcome, body []byte, id string) mapper.Outcome {
	out := mapper.Outcome{
		MessageID: id, Kind: mapper.Hold, Reason: mapper.ReasonIDConflict,
		Message: "another event was received under this messageId before",
	}
	if len(outcomes) > 0 {
		out.Event = outcomes[0].Event
	} else {
		out.Event = Name(body)
	}
	return out
}

// Unusable returns the outcome of an unusable message: the mapper's, if it has one, otherwise
// the problem that Take found, which is determined again here.
func Unusable(outcomes []mapper.Outcome, body []byte, id string, flags queue.Flags) mapper.Outcome {
	if flags&queue.FlagIDConflict != 0 {
		return IDConflict(outcomes, body, id)
	}
	for _, o := range outcomes {
		if o.Kind == mapper.Hold && (o.Reason == mapper.ReasonInvalid || o.Reason == mapper.ReasonTooLarge) {
			return o
		}
	}
	out := mapper.Outcome{MessageID: id, Event: Name(body), Kind: mapper.Hold, Reason: mapper.ReasonInvalid, Message: "not a usable track call"}
	if flags&queue.FlagTooLarge != 0 {
		out.Reason, out.Message = mapper.ReasonTooLarge, TooLarge.Message
		return out
	}
	var r Reader
	switch msg, err := r.One(bytes.Clone(body)); {
	case err == nil && msg.Problem != nil:
		out.Message = msg.Problem.Message
	case err == nil && msg.Track:
		out.Message = "the write key it was sent with is not allowed to send this event"
	}
	return out
}
