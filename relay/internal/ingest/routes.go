package ingest

import "strings"

// call is the kind of call that a path stands for.
type call int

const (
	callUnknown call = iota
	callBatch
	callTrack
	callOther   // a single call that is not a track
	callForward // a chunk that another relay forwards
)

// route returns the call of a path and its name for metrics. It accepts a trailing slash and
// any number of leading ones, which string concatenation in clients produces.
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
