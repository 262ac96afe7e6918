package event

import (
	"strconv"
	"strings"
	"time"
)

// DateText returns a date of birth as text. It also reads the objects and lists that libraries
// write for dates: PHP's DateTime, MongoDB's $date, and year, month and day as java.time and
// others write them. For any other node it returns ScalarText.
func (n *Node) DateText() (text string, ok bool) {
	switch n.Kind {
	case Object:
		if text, ok := objectDate(n); ok {
			return text, true
		}
	case List: // [1990,5,17]
		if n.IsDateList() {
			return n.Kids[0].Text + "-" + n.Kids[1].Text + "-" + n.Kids[2].Text, true
		}
	}
	return n.ScalarText()
}

// IsDateList reports whether a list is year, month and day, as Jackson writes a LocalDate.
func (n *Node) IsDateList() bool {
	if len(n.Kids) != 3 || len(n.Kids[0].Text) != 4 {
		return false
	}
	for i := range n.Kids {
		if n.Kids[i].Kind != Number {
			return false
		}
	}
	return true
}

func objectDate(n *Node) (text string, ok bool) {
	if date := n.Get("$date"); date != nil {
		if long := date.Get("$numberLong"); long != nil {
			date = long
		}
		text, ok := date.ScalarText()
		if ms, err := strconv.ParseInt(text, 10, 64); ok && err == nil {
			return time.UnixMilli(ms).UTC().Format(time.RFC3339), true
		}
		return text, ok
	}
	if date := n.Get("date"); date != nil {
		text, ok := date.ScalarText()
		if zone, _ := n.Get("timezone").ScalarText(); strings.EqualFold(zone, "utc") || zone == "Z" || zone == "+00:00" {
			text, _, _ = strings.Cut(text, ".")
			text += "Z"
		}
		return text, ok
	}
	year, ok := n.Get("year").ScalarText()
	if !ok || len(year) != 4 {
		return "", false
	}
	for _, names := range [...][2]string{{"month", "day"}, {"monthValue", "dayOfMonth"}, {"month", "dayOfMonth"}, {"monthValue", "day"}} {
		month, hasMonth := n.Get(names[0]).ScalarText()
		day, hasDay := n.Get(names[1]).ScalarText()
		if hasMonth && hasDay && strings.Trim(month, "0123456789") == "" {
			return year + "-" + month + "-" + day, true
		}
	}
	return "", false
}
