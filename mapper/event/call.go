package event

import "strings"

// IsOtherCall reports whether a message is a call other than track, by its type. "Track" and
// "track " are track. So is an unknown type on a message that names an event: dropping it could
// lose a sale.
func IsOtherCall(typ string, named bool) bool {
	switch strings.ToLower(strings.TrimSpace(typ)) {
	case "", "track":
		return false
	case "identify", "page", "screen", "group", "alias", // Segment
		"merge", "audiencelist", "extract", "record": // RudderStack
		return true
	}
	return !named
}
