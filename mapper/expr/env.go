package expr

import "relay/mapper/event"

// Event is what an expression may ask for, by the names it has there.
type Event struct {
	Event, MessageID, UserID, AnonymousID, Timestamp string
	Properties, Context, Traits, Integrations        *event.Node // objects; nil: empty
}

// Env is an event as expressions see it. It serves one goroutine at a time. A nil
// Env is that of an event that has more in it than expressions take: whatever is
// evaluated with it fails.
type Env = map[string]any

// names are the names an expression may use, by their types.
func names() map[string]any {
	object := map[string]any{}
	return map[string]any{
		"event": "", "type": "", "messageId": "", "userId": "", "anonymousId": "", "timestamp": "",
		"properties": object, "context": object, "traits": object, "integrations": object,
		stepsName: &steps{},
	}
}

// Env makes the environment of the event.
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
