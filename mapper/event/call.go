package event

import "strings"

// OtherCall says whether a message is another call than track, by its type. "Track"
// and "track " are track, and so is a type that no library has on a message that names
// an event: it would be a loss to drop somebody's sale for it.
func OtherCall(typ string, named bool) bool {
	switch strings.ToLower(strings.TrimSpace(typ)) {
	case "", "track":
		return false
	case "identify", "page", "screen", "group", "alias", // Segment's
		"merge", "audiencelist", "extract", "record": // and RudderStack's
		return true
	}
	return !named
}
