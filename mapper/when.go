package mapper

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a moment as events give it: RFC 3339 with any fraction, a
// date-time without a zone (in loc), or epoch seconds or, above 10^11,
// milliseconds, as a number or as text. A date alone is no moment.
func parseTime(n *node, loc *time.Location) (time.Time, bool) {
	switch n.kind {
	case isNumber:
		return parseEpoch(n.text)
	case isText:
		s := strings.TrimSpace(n.text)
		if s != "" && len(s) < 40 && strings.Trim(s, "0123456789.") == "" {
			return parseEpoch(s)
		}
		return parseDateTime(s, loc)
	}
	return time.Time{}, false
}

// parseEpoch reads seconds or milliseconds since 1970, exactly.
func parseEpoch(number string) (time.Time, bool) {
	text, ok := decimalText(number)
	if !ok || strings.HasPrefix(number, ".") || strings.HasSuffix(number, ".") || strings.Count(number, ".") > 1 {
		return time.Time{}, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if len(whole) > 16 {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.HasPrefix(text, "-") {
		return time.Time{}, false
	}
	var t time.Time
	if n > 1e11 {
		t = time.UnixMilli(n)
	} else {
		nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		if err != nil {
			return time.Time{}, false
		}
		t = time.Unix(n, nanos)
	}
	return t.UTC(), t.Year() <= 9999
}

// parseDateTime reads ISO 8601 date-times as clients write them.
func parseDateTime(s string, loc *time.Location) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04") || len(s) > 64 {
		return time.Time{}, false
	}
	// One separator, upper-case letters, a point before the fraction.
	b := []byte(s)
	if b[10] == ' ' || b[10] == 't' {
		b[10] = 'T'
	}
	if b[len(b)-1] == 'z' {
		b[len(b)-1] = 'Z'
	}
	s = string(b)
	if i := strings.LastIndexByte(s, ' '); i > 10 && i+1 < len(s) && (s[i+1] == '+' || s[i+1] == '-' || s[i+1] == 'Z') {
		s = s[:i] + s[i+1:] // 2026-11-20 10:00:00 +0100
	}
	if strings.HasSuffix(s, " UTC") || strings.HasSuffix(s, " GMT") {
		s = s[:len(s)-4] + "Z"
	}
	leap := false
	if len(s) >= 19 && s[16:19] == ":60" { // a leap second is a legal time
		s, leap = s[:16]+":59"+s[19:], true
	}
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700",
		"2006-01-02T15:04:05", "2006-01-02T15:04",
	} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			if leap {
				t = t.Add(time.Second)
			}
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
