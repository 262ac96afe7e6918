package track

// Problem says why a body, or one message of it, cannot be used. Its texts are
// constant: they show nothing of what arrived.
type Problem struct {
	Code    string
	Message string
}

func (p *Problem) Error() string { return p.Message }

// What makes one message unusable. In a batch it is kept and named in the
// answer; alone it is the answer.
var (
	NotAnObject  = &Problem{"not_an_object", "a message must be a JSON object"}
	TooDeep      = &Problem{"too_deep", "the message is nested too deeply"}
	MissingEvent = &Problem{"missing_event", "a track needs the name of its event (\"event\"); what a shop system sends by itself, such as a webhook, is none"}
	InvalidEvent = &Problem{"invalid_event", "the name of an event must be text"}
	TooLarge     = &Problem{"event_too_large", "the event is over the size limit"}
)

// What makes a whole batch unusable.
var (
	MissingBatch   = &Problem{"missing_batch", "the body must be an object with a list named batch"}
	TooManyEvents  = &Problem{"too_many_events", "the batch holds too many events"}
	ContextTooDeep = &Problem{"too_deep", "the batch's context is nested too deeply"}
	MergedTooLarge = &Problem{"request_too_large", "the batch's context, merged into each event, makes the request too large"}
)
