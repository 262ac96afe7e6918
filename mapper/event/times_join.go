package event

import (
	"regexp"
	"strings"
)

var (
	anyTime = regexp.MustCompile(`(^|[t ,])\d{1,2}:\d{1,2}`)
	// midnight matches the time of day in a column that holds only a date.
	midnight = regexp.MustCompile(`(^|[t ,])(?:00?:00(?::00(?:[.,]0+)?)?(?: ?am)?|12:00(?::00)? ?am)(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}( [a-z]{3,4})?))?($|[ ,])`)
	// zeroDate matches the date in a column that holds only a time of day.
	zeroDate = regexp.MustCompile(`(^|[ ,])(?:(3[01][-./]12[-./]1899)|(12[-./]3[01][-./]1899)|1899[-./]12[-./]3[01]|3[01][- .]+dec[a-z]*[- .]+1899|0?1[-./]0?1[-./](?:1900|1970|1753|0001)|(?:1900|1970|1753|0001)[-./]0?1[-./]0?1)(?:$|[t ,])`)
	slashed  = regexp.MustCompile(`(^|[ ,])(\d{1,2})[-/](\d{1,2})[-/](\d{4})($|[ ,])`)
)

// JoinDateAndTime merges the date and the time of day from two columns. Databases and
// spreadsheets fill the missing half of each with a default: "20.11.2026 00:00:00 30.12.1899
// 16:00:00" becomes "20.11.2026 16:00:00". Other text is returned unchanged. The order of day
// and month in the default date, if unambiguous, also applies to the other date: standard is
// the text with the date in an unambiguous format.
func JoinDateAndTime(text string) (joined, standard string) {
	s := strings.ToLower(text)
	times := len(anyTime.FindAllString(s, 3))
	zero := zeroDate.FindStringSubmatch(s)
	if times == 0 || times > 2 || times == 1 && zero == nil {
		return text, text
	}
	if zero != nil {
		s = zeroDate.ReplaceAllString(s, "$1 ")
	}
	if !strings.ContainsAny(anyTime.ReplaceAllString(midnight.ReplaceAllString(s, " "), " "), "123456789") {
		return text, text // the default date is the only date
	}
	if times == 2 {
		at := midnight.FindStringIndex(s)
		if at == nil {
			return text, text
		}
		s = s[:at[0]] + " " + s[at[1]:]
	}
	joined = strings.Trim(strings.Join(strings.Fields(s), " "), " ,")
	switch {
	case zero == nil:
		return joined, joined
	case zero[2] != "":
		return joined, slashed.ReplaceAllString(joined, "$1$2.$3.$4$5")
	case zero[3] != "":
		return joined, slashed.ReplaceAllString(joined, "$1$4-$2-$3$5")
	}
	return joined, joined
}
