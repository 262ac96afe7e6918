package match

import (
	"strconv"
	"strings"

	"relay/mapper/fold"
)

// normaliseExternalID returns the shop's own customer id, trimmed. Case is kept, because the id
// must be the same in every channel (docs/meta.md 3.1). Value.Original is the id for the offline
// format.
func normaliseExternalID(raw string, t *Trace) Value {
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if h, state := readHash(s); state == isSHA256 {
		t.add("already a SHA-256: not hashed again, lower case", h)
		return Value{Form: h, Original: s, Hashed: true}
	} else if state == isPlaceholderHash {
		return Reject("external_id", "placeholder", "is the hash of an empty value or a placeholder and would merge different customers")
	}
	if IsPlaceholderID(s) || s == "-1" {
		return RejectPlaceholder("external_id")
	}
	if fold.LostDigits(s) {
		return Reject("external_id", "invalid", "is a number rounded by a spreadsheet (9.99E+99) and would merge different customers; format its column as text")
	}
	if s != raw {
		t.add("trimmed, control and zero-width characters removed", s)
	}
	return Value{Form: s, Original: s}
}

// IsMetaLeadID reports whether a lead id has the length of those that Meta assigns
// (docs/meta.md 4.3).
func IsMetaLeadID(digits string) bool { return 15 <= len(digits) && len(digits) <= 17 }

// normaliseLeadID returns the decimal digits of a lead id, a positive 64-bit integer. It
// removes the prefix l: of Meta's export (docs/meta.md 3.1). Lead ids are not hashed.
func normaliseLeadID(raw string, t *Trace) Value {
	s := fold.Digits(fold.Clean(raw))
	if s == "" {
		return Value{}
	}
	d := s
	if len(d) > 2 && (d[0] == 'l' || d[0] == 'L') && d[1] == ':' {
		d = strings.TrimSpace(d[2:])
		t.add("prefix l: removed", d)
	}
	if whole, zeros, ok := strings.Cut(d, "."); ok && onlyOf(zeros, "0") {
		d = whole // a spreadsheet's 123.0
	}
	if d == "" || strings.Trim(d, "0123456789") != "" {
		if IsPlaceholder(s) {
			return Reject("lead_id", "placeholder", "is a placeholder")
		}
		return Reject("lead_id", "invalid", "is not a whole number")
	}
	n, err := strconv.ParseInt(d, 10, 64)
	if err != nil || n <= 0 {
		return Reject("lead_id", "invalid", "is not a positive 64-bit number")
	}
	return Value{Form: strconv.FormatInt(n, 10)}
}
