package doctor

import (
	"fmt"
	"time"

	"relay/internal/meta"
)

// versionSoon is how long before its end a version gets a warning.
const versionSoon = 90 * 24 * time.Hour

// version checks the age of graph.version.
func (e *exam) version() {
	v := e.Config.Graph.Version
	newest := meta.Newest().Name
	fix := "Set graph.version: " + newest + ", and test it with --test-event-code."
	asOf := meta.Newest().AsOf
	until, known := "", false
	for _, l := range meta.Versions() {
		if l.Name == v {
			until, known, asOf = l.Until, true, l.AsOf
		}
	}
	switch {
	case !known && meta.Newer(newest, v):
		e.report(Finding{
			Check: "version", Code: "version_retired", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s is not in this relay's list of usable versions. Meta answers with the oldest version it still supports.", v),
		})
		return
	case !known:
		e.report(Finding{Check: "version", Code: "version_unknown", Level: Note, Text: fmt.Sprintf("graph.version %s is newer than this relay's list, which ends at %s (%s).", v, newest, asOf)})
		return
	case v == newest:
		e.report(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is the newest as of %s.", v, asOf)})
		return
	case until == "":
		e.report(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is usable: as of %s Meta has announced no end date for it.", v, asOf)})
		return
	}
	end, _ := time.Parse(time.DateOnly, until) // a date of the table, which a test checks
	switch left := end.Sub(e.Now()); {
	case left < 0:
		e.report(Finding{
			Check: "version", Code: "version_retired", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s ended on %s. Meta answers with the oldest version it still supports, which might differ.", v, until),
		})
	case left < versionSoon:
		e.report(Finding{
			Check: "version", Code: "version_ends", Level: Warn, Who: You, Fix: fix,
			Text: fmt.Sprintf("graph.version %s ends on %s, in %d days.", v, until, int(left.Hours()/24)),
		})
	default:
		e.report(Finding{Check: "version", Code: "version", Level: OK, Text: fmt.Sprintf("graph.version %s is usable until %s.", v, until)})
	}
}

// table checks the age of the table of Meta's names and codes.
func (e *exam) table() {
	oldest, newest := meta.Age()
	f := Finding{
		Check: "version", Code: "table", Level: OK,
		Text: fmt.Sprintf("This relay's table of Meta's fields, versions and error codes is from between %s and %s.", oldest, newest),
	}
	if day, err := time.Parse(time.DateOnly, oldest); err == nil && e.Now().Sub(day) > meta.VersionLife {
		f.Code, f.Level, f.Who = "table_old", Warn, You
		f.Text += " A version of Meta's API does not live that long, so the table might be outdated."
		f.Fix = "Install a newer relay."
	}
	e.report(f)
}
