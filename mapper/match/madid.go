package match

import (
	"regexp"
	"strings"

	"relay/mapper/fold"
)

var madidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// normaliseMadid returns the advertising id of a phone in lower case. It is not hashed,
// according to Meta's page on offline events (docs/meta.md 3.1). A phone whose owner has opted
// out reports only zeros.
func normaliseMadid(raw string, t *Trace) Value {
	s := strings.ToLower(fold.Clean(raw))
	switch {
	case s == "":
		return Value{}
	case strings.Trim(s, "0-") == "" || IsPlaceholder(s):
		return RejectPlaceholder("madid")
	}
	if _, state := readHash(s); state != notHashed {
		return Reject("madid", "hashed", "is hashed, but Meta accepts it only unhashed")
	}
	if !madidForm.MatchString(s) {
		return Reject("madid", "invalid", "is not an advertising id: expected 8-4-4-4-12 hex digits")
	}
	if s != raw {
		t.add("trimmed, lower case", s)
	}
	return Value{Form: s}
}
