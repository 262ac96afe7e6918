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

// Forecast tallies what the first rows would become.
type Forecast struct {
	mapping *mapper.Mapping
	now     time.Time
	kinds   map[mapper.Kind]int
	reasons map[mapper.Kind]map[string]int
	near    map[string]string // names of events that the mapping knows nearly
	unread  string            // where an event without a customer has one
	local   int               // events that say a time without a zone, which nobody names
}

// NewForecast makes one by the mapping in force.
func NewForecast(m *mapper.Mapping, now time.Time) *Forecast {
	return &Forecast{mapping: m, now: now, kinds: map[mapper.Kind]int{}, near: map[string]string{}, reasons: map[mapper.Kind]map[string]int{}}
}

// Add is spool.Options.Check: it finds no fault, for what is held can be
// redriven once the mapping is corrected.
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

// Words says it in a line.
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
		parts = []string{"nothing to send, as none is a track call"}
	}
	words := fmt.Sprintf("%s checked; with the mapping in force: %s", term.Count(rows, "row"), strings.Join(parts, ", "))
	var more strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.near)) {
		fmt.Fprintf(&more, "\nthe mapping names no event %q: %s", name, f.near[name])
	}
	words += more.String()
	if f.unread != "" {
		words += "\n" + f.unread + ", or of a table --column 'context.traits.email=HEADER'"
	}
	if f.local > 0 {
		words += "\ntimes without a zone are read as UTC, since the mapping names no timezone: write timezone: Europe/Berlin, or the one of the shop, into it, or say --timezone of a table"
	}
	return words
}
