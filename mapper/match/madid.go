package match

import (
	"regexp"
	"strings"

	"relay/mapper/fold"
)

var madidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// traceMadid gives the advertising id of a phone, in lower case. Meta's page on
// offline events says that it is not hashed (docs/meta.md 3.1). All zeros is
// what a phone says whose owner has opted out.
func traceMadid(raw string, t *Trace) Value {
	s := strings.ToLower(fold.Clean(raw))
	switch {
	case s == "":
		return Value{}
	case strings.Trim(s, "0-") == "" || IsPlaceholder(s):
		return Placeholder("madid")
	}
	if _, state := readHash(s); state != notHashed {
		return LeftOut("madid", "hashed", "is hashed, and Meta takes it unhashed only")
	}
	if !madidForm.MatchString(s) {
		return LeftOut("madid", "invalid", "is no advertising id: expected 8-4-4-4-12 hex digits")
	}
	if s != raw {
		t.add("trimmed, lower case", s)
	}
	return Value{Form: s}
}
