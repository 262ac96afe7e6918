package expr

import "relay/mapper/event"

// Event holds the parts of an event that expressions can read.
type Event struct {
	Event, MessageID, UserID, AnonymousID, Timestamp string
	Properties, Context, Traits, Integrations        *event.Node // objects; nil means empty
}

// Env is an event as expressions see it. It is not safe for concurrent use. A nil Env stands
// for an event that is too large for expressions: every evaluation with it fails.
type Env = map[string]any

// names returns the names that an expression can use, with their types.
func names() map[string]any {
	object := map[string]any{}
	return map[string]any{
		"event": "", "type": "", "messageId": "", "userId": "", "anonymousId": "", "timestamp": "",
		"properties": object, "context": object, "traits": object, "integrations": object,
		stepsName: &steps{},
	}
}

// Env returns the environment for evaluating expressions on the event.
func (e *Event) Env() Env {
	env := Env{
		"event": e.Event, "type": "track", "messageId": e.MessageID, "userId": e.UserID, "anonymousId": e.AnonymousID,
		"timestamp": e.Timestamp, stepsName: &steps{},
	}
	for name, n := range map[string]*event.Node{
		"properties": e.Properties, "context": e.Context, "integrations": e.Integrations, "traits": e.Traits,
	} {
		object := map[string]any{}
		if n != nil {
			v, ok := valueOf(n, 0)
			if !ok {
				return nil
			}
			object = v.(map[string]any)
		}
		env[name] = object
	}
	return env
}
