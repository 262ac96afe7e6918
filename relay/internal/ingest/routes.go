package ingest

import "strings"

// call is what a path asks for.
type call int

const (
	unknown call = iota
	batch
	track
	other // a single call that is not a track
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
		return unknown, "other"
	}
	switch strings.TrimSuffix(p, "/") {
	case "batch", "b":
		return batch, "batch"
	case "import":
		return batch, "import"
	case "track", "t":
		return track, "track"
	case "identify", "i":
		return other, "identify"
	case "page", "p":
		return other, "page"
	case "screen", "s":
		return other, "screen"
	case "group", "g":
		return other, "group"
	case "alias", "a":
		return other, "alias"
	}
	return unknown, "other"
}
