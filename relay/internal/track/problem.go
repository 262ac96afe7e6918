package track

// Problem is the reason why a body, or one message of it, cannot be used. Its texts are
// constant and contain nothing of the input.
type Problem struct {
	Code    string
	Message string
}

func (p *Problem) Error() string { return p.Message }

// Problems of one message. In a batch the message is maxKept and listed in the answer; alone, its
// problem is the answer.
var (
	NotAnObject  = &Problem{"not_an_object", "a message must be a JSON object"}
	TooDeep      = &Problem{"too_deep", "the message is nested too deeply"}
	MissingEvent = &Problem{"missing_event", "a track call needs an event name (\"event\"); the webhook of a shop system is not a track call"}
	InvalidEvent = &Problem{"invalid_event", "the name of an event must be text"}
	TooLarge     = &Problem{"event_too_large", "the event is over the size limit"}
)

// Problems of a whole batch.
var (
	MissingBatch   = &Problem{"missing_batch", "the body must be an object with a list named batch"}
	TooManyEvents  = &Problem{"too_many_events", "the batch holds too many events"}
	ContextTooDeep = &Problem{"too_deep", "the batch's context is nested too deeply"}
	MergedTooLarge = &Problem{"request_too_large", "the batch's context, merged into each event, makes the request too large"}
)
