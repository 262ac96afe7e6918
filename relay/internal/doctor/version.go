package doctor

import (
	"fmt"
	"time"

	"relay/internal/meta"
)

// soon is when the end of a version is worth a warning.
const soon = 90 * 24 * time.Hour

// version judges graph.version by its age.
func (e *exam) version() {
	v := e.Config.Graph.Version
	newest := meta.Newest().Name
	fix := "Set graph.version: " + newest + " and try it with a test event code first."
	asOf := meta.Newest().AsOf
	until, known := "", false
	for _, l := range meta.Versions() {
		if l.Name == v {
			until, known, asOf = l.Until, true, l.AsOf
		}
	}
	switch {
	case !known && meta.Newer(newest, v):
		e.say(Finding{
			Check: "version", Code: "version_retired", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s is not a version that this relay knows as usable: Meta answers with the oldest version still alive.", v),
		})
		return
	case !known:
		e.say(Finding{Check: "version", Code: "version_unknown", Level: Note, Text: fmt.Sprintf("graph.version %s is newer than the list of this relay, which ends at %s (%s).", v, newest, asOf)})
		return
	case v == newest:
		e.say(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is the newest as of %s.", v, asOf)})
		return
	case until == "":
		e.say(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is usable: as of %s Meta has announced no end date for it.", v, asOf)})
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

// table says how old the table of Meta's names and codes is.
func (e *exam) table() {
	oldest, newest := meta.Age()
	f := Finding{
		Check: "version", Code: "table", Level: OK,
		Text: fmt.Sprintf("The table of Meta's fields, versions and error codes in this relay was looked up between %s and %s.", oldest, newest),
	}
	if day, err := time.Parse(time.DateOnly, oldest); err == nil && e.Now().Sub(day) > meta.VersionLife {
		f.Code, f.Level, f.Who = "table_old", Warn, You
		f.Text += " That is longer ago than a version of Meta's API lives: Meta may have changed some of it."
		f.Fix = "Install a newer relay."
	}
	e.say(f)
}
