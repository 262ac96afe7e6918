package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"relay/mapper"
	"relay/relay/internal/term"
)

// Forecast counts what the first rows of an import would become.
type Forecast struct {
	mapping *mapper.Mapping
	now     time.Time
	kinds   map[mapper.Kind]int
	reasons map[mapper.Kind]map[string]int
	near    map[string]string // event names that nearly match one in the mapping, with the note
	unread  string            // a field that might identify the customer but is not read
	local   int               // events with a time without a zone, if the mapping names no zone
}

// NewForecast returns an empty Forecast for a mapping.
func NewForecast(m *mapper.Mapping, now time.Time) *Forecast {
	return &Forecast{mapping: m, now: now, kinds: map[mapper.Kind]int{}, near: map[string]string{}, reasons: map[mapper.Kind]map[string]int{}}
}

// Add counts an event. It is the Check of spool.Options and accepts every event, because
// held events can be redriven after the mapping is corrected.
func (f *Forecast) Add(event []byte) string {
	for _, x := range f.mapping.Map(mapper.Event{Body: event, Received: f.now, Imported: true}, f.now) {
		f.kinds[x.Kind]++
		for _, n := range x.Notes {
			switch {
			case n.Code == mapper.NoteLocalTime:
				f.local++
			case n.Code == mapper.NoteUnread && f.unread == "":
				f.unread = n.Field + " " + n.Message
			case n.Code == mapper.NoteNearMiss && len(f.near) < 10:
				f.near[x.Event] = n.Message
			}
		}
		if x.Reason != "" {
			if f.reasons[x.Kind] == nil {
				f.reasons[x.Kind] = map[string]int{}
			}
			f.reasons[x.Kind][x.Reason]++
		}
	}
	return ""
}

// Words returns the forecast as text, for rows checked rows.
func (f *Forecast) Words(rows int) string {
	var parts []string
	for _, k := range []struct {
		kind mapper.Kind
		word string
	}{{mapper.Send, "to send"}, {mapper.Hold, "held as dead letters"}, {mapper.Skip, "not sent"}} {
		n := f.kinds[k.kind]
		if n == 0 {
			continue
		}
		why := ""
		if r := f.reasons[k.kind]; len(r) > 0 {
			var list []string
			for _, name := range slices.Sorted(maps.Keys(r)) {
				list = append(list, fmt.Sprintf("%s %d", name, r[name]))
			}
			why = " (" + strings.Join(list, ", ") + ")"
		}
		parts = append(parts, fmt.Sprintf("%d %s%s", n, k.word, why))
	}
	if len(parts) == 0 {
		parts = []string{"nothing to send, because none is a track call"}
	}
	words := fmt.Sprintf("%s checked; with the current mapping: %s", term.Count(rows, "row"), strings.Join(parts, ", "))
	var more strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.near)) {
		fmt.Fprintf(&more, "\nthe mapping has no event %q: %s", name, f.near[name])
	}
	words += more.String()
	if f.unread != "" {
		words += "\n" + f.unread + ", or for CSV use --column 'context.traits.email=HEADER'"
	}
	if f.local > 0 {
		words += "\ntimes without a zone are read as UTC, because the mapping sets no timezone: set the shop's timezone in the mapping, such as timezone: Europe/Berlin, or for CSV use --timezone"
	}
	return words
}
