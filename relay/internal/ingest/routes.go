package ingest

import "strings"

// call is what a path asks for.
type call int

const (
	callUnknown call = iota
	callBatch
	callTrack
	callOther   // a single call that is not a track
	callForward // what another relay hands over
)

// route finds the call of a path, with or without a trailing slash and however
// many leading ones a client's string concatenation left, and its name for
// metrics.
func route(path string) (call, string) {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	p, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return callUnknown, "other"
	}
	switch strings.TrimSuffix(p, "/") {
	case "batch", "b":
		return callBatch, "batch"
	case "import":
		return callBatch, "import"
	case "forward":
		return callForward, "forward"
	case "track", "t":
		return callTrack, "track"
	case "identify", "i":
		return callOther, "identify"
	case "page", "p":
		return callOther, "page"
	case "screen", "s":
		return callOther, "screen"
	case "group", "g":
		return callOther, "group"
	case "alias", "a":
		return callOther, "alias"
	}
	return callUnknown, "other"
}
