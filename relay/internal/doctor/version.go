package doctor

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// lives says until when Graph API versions are usable (facts: meta-wire 1.4);
// the newest has no end yet.
var lives = []struct{ version, until string }{
	{"v13.0", "2024-05-28"},
	{"v16.0", "2025-05-14"},
	{"v17.0", "2025-09-12"},
	{"v18.0", "2026-01-26"},
	{"v19.0", "2026-05-21"},
	{"v20.0", "2026-09-24"},
	{"v21.0", "2027-01-21"},
	{"v22.0", "2027-05-20"},
	{"v23.0", "2027-10-08"},
	{"v24.0", "2028-02-18"},
	{"v25.0", "2028-07-29"},
	{"v26.0", ""},
}

// soon is when the end of a version is worth a warning.
const soon = 90 * 24 * time.Hour

// version judges graph.version by its age.
func (e *exam) version() {
	v := e.Config.Graph.Version
	newest := lives[len(lives)-1].version
	fix := "Set graph.version: " + newest + " and try it with a test event code first."
	until, known := "", false
	for _, l := range lives {
		if l.version == v {
			until, known = l.until, true
		}
	}
	switch {
	case !known && older(v, newest):
		e.say(Finding{
			Check: "version", Code: "version_retired", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s is not one of those known to live: Meta answers with the oldest version still alive.", v),
		})
		return
	case !known:
		e.say(Finding{Check: "version", Code: "version_unknown", Level: Note, Text: fmt.Sprintf("graph.version %s is newer than this relay, which knows %s.", v, newest)})
		return
	case until == "":
		e.say(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is the newest known.", v)})
		return
	}
	end, _ := time.Parse(time.DateOnly, until) // the table's, tested
	switch left := end.Sub(e.Now()); {
	case left < 0:
		e.say(Finding{
			Check: "version", Code: "version_retired", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s ended on %s: Meta answers with the oldest version still alive, which may differ.", v, until),
		})
	case left < soon:
		e.say(Finding{
			Check: "version", Code: "version_ends", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s ends on %s, in %d days.", v, until, int(left.Hours()/24)),
		})
	default:
		e.say(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is usable until %s.", v, until)})
	}
}

// older compares versions of the form v26.0.
func older(a, b string) bool {
	x, y := number(a), number(b)
	return x[0] < y[0] || x[0] == y[0] && x[1] < y[1]
}

func number(v string) (n [2]int) {
	major, minor, _ := strings.Cut(strings.TrimPrefix(v, "v"), ".")
	n[0], _ = strconv.Atoi(major) // digits, config has seen to it
	n[1], _ = strconv.Atoi(minor)
	return n
}
