package match

import (
	"strconv"
	"strings"

	"relay/mapper/fold"
)

// traceExternalID gives the shop's own id of the customer, trimmed, its case
// kept: it must be the same in every channel (docs/meta.md 3.1). plain is
// what the offline format sends.
func traceExternalID(raw string, t *Trace) Value {
	s := fold.Clean(raw)
	if s == "" {
		return Value{}
	}
	if h, state := readHash(s); state == isSHA256 {
		t.add("already a SHA-256: passed on unhashed, in lower case", h)
		return Value{Form: h, Plain: s, Hashed: true}
	} else if state == isNoPerson {
		return LeftOut("external_id", "placeholder", "is the hash of an empty value or of a placeholder, which would join strangers")
	}
	if IsPlaceholderID(s) || s == "-1" {
		return Placeholder("external_id")
	}
	if fold.LostDigits(s) {
		return LeftOut("external_id", "invalid", "is a number that a spreadsheet has shortened (9.99E+99), which would join strangers; format its column as text")
	}
	if s != raw {
		t.add("trimmed, control and zero-width characters out", s)
	}
	return Value{Form: s, Plain: s}
}

// IsLeadOfMeta says whether a lead id is as long as those that Meta gives (docs/meta.md
// 4.3).
func IsLeadOfMeta(digits string) bool { return 15 <= len(digits) && len(digits) <= 17 }

// traceLeadID gives the decimal digits of a lead id: a positive 64-bit integer,
// Meta's export prefix l: taken off (docs/meta.md 3.1). It is not hashed.
func traceLeadID(raw string, t *Trace) Value {
	s := fold.Digits(fold.Clean(raw))
	if s == "" {
		return Value{}
	}
	d := s
	if len(d) > 2 && (d[0] == 'l' || d[0] == 'L') && d[1] == ':' {
		d = strings.TrimSpace(d[2:])
		t.add("prefix l: dropped", d)
	}
	if whole, zeros, ok := strings.Cut(d, "."); ok && onlyOf(zeros, "0") {
		d = whole // a spreadsheet's 123.0
	}
	if d == "" || strings.Trim(d, "0123456789") != "" {
		if IsPlaceholder(s) {
			return LeftOut("lead_id", "placeholder", "is a placeholder")
		}
		return LeftOut("lead_id", "invalid", "is not a whole number")
	}
	n, err := strconv.ParseInt(d, 10, 64)
	if err != nil || n <= 0 {
		return LeftOut("lead_id", "invalid", "is not a positive 64-bit number")
	}
	return Value{Form: strconv.FormatInt(n, 10)}
}
