package event

import (
	"regexp"
	"strings"
)

var (
	anyTime = regexp.MustCompile(`(^|[t ,])\d{1,2}:\d{1,2}`)
	// midnight is the time of day of a column that holds a date alone.
	midnight = regexp.MustCompile(`(^|[t ,])(?:00?:00(?::00(?:[.,]0+)?)?(?: ?am)?|12:00(?::00)? ?am)(?: ?(?:z|utc|gmt|[+-]\d{2}:?\d{2}( [a-z]{3,4})?))?($|[ ,])`)
	// zeroDate is the date of a column that holds a time of day alone.
	zeroDate = regexp.MustCompile(`(^|[ ,])(?:(3[01][-./]12[-./]1899)|(12[-./]3[01][-./]1899)|1899[-./]12[-./]3[01]|3[01][- .]+dec[a-z]*[- .]+1899|0?1[-./]0?1[-./](?:1900|1970|1753|0001)|(?:1900|1970|1753|0001)[-./]0?1[-./]0?1)(?:$|[t ,])`)
	slashed  = regexp.MustCompile(`(^|[ ,])(\d{1,2})[-/](\d{1,2})[-/](\d{4})($|[ ,])`)
)

// Joined is the date-time of a date and a time of day that two columns say, each with
// what the other one says left empty, as databases and spreadsheets export them: of
// "20.11.2026 00:00:00 30.12.1899 16:00:00" it is "20.11.2026 16:00:00". Whatever else
// stays as it is. Where that empty date can be read in one order alone, the other
// one has the same: standard is the text in a form that says it by itself.
func Joined(text string) (joined, standard string) {
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
		return text, text // that date is the only one
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
