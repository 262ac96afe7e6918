package spool

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"relay/mapper"
	"relay/mapper/event"
	"relay/relay/internal/spool/rows"
)

// forecast counts what the checked rows of a file would become under the current mapping. It
// finds files that the mapping does not fit: their events would be stored, skipped one by one and
// deleted.
type forecast struct {
	mapping *mapper.Mapping
	now     time.Time
	kinds   map[mapper.Kind]int
	reasons map[mapper.Kind]map[string]int
	near    map[string]string // event names that nearly match one in the mapping, with the note
	names   []string          // the first event names that the mapping does not have
	unread  string            // a field that might identify the customer but is not read
	local   int               // events with a time without a zone, if the mapping names no zone

	addresses []string // up to two different values of fields like unread
	customer  bool     // an event without customer has a field in which the mapping looks for one
	consent   bool     // an event without consent has a field in which the mapping looks for it
	table     bool
	columns   []string // of the table, or the fields of the first event
	likely    string   // options that would probably make rows of a table usable
}

// newForecast returns an empty forecast; nil if there is no mapping to fit. A relay that forwards
// has one without events: the hub maps them.
func newForecast(m *mapper.Mapping, now time.Time) *forecast {
	if m == nil || len(m.Events()) == 0 {
		return nil
	}
	return &forecast{mapping: m, now: now, kinds: map[mapper.Kind]int{}, near: map[string]string{}, reasons: map[mapper.Kind]map[string]int{}}
}

// add counts the event of a row. Held events are as good as sent ones: they can be sent again
// after the mapping is corrected.
func (f *forecast) add(r *rows.Row) {
	if f == nil {
		return
	}
	for _, x := range f.mapping.Map(mapper.Event{Body: r.Msg.Body, Received: f.now, Imported: true}, f.now) {
		f.kinds[x.Kind]++
		for _, n := range x.Notes {
			switch {
			case n.Code == mapper.NoteLocalTime:
				f.local++
			case n.Code == mapper.NoteUnread:
				f.unread = cmp.Or(f.unread, n.Field+" "+n.Message)
				f.addAddress(r.Msg.Body, n.Field)
			case n.Code == mapper.NoteNearMiss && len(f.near) < 10:
				f.near[x.Event] = n.Message
			}
		}
		switch x.Reason {
		case mapper.ReasonUnmapped:
			if len(f.names) < 10 && !slices.Contains(f.names, x.Event) {
				f.names = append(f.names, x.Event)
			}
		case mapper.ReasonNoCustomer:
			f.customer = f.customer || f.mapping.HasCustomerField(r.Fields())
			f.likely = cmp.Or(f.likely, r.Suggestion())
		case mapper.ReasonNoConsent:
			f.consent = f.consent || f.mapping.HasConsentField(r.Fields())
		}
		if x.Reason != "" {
			if f.reasons[x.Kind] == nil {
				f.reasons[x.Kind] = map[string]int{}
			}
			f.reasons[x.Kind][x.Reason]++
		}
	}
	if f.columns == nil {
		if f.columns, f.table = r.Columns(); !f.table {
			f.columns = fieldsOf(r.Msg.Body)
		}
	}
}

// addAddress records the value of a field that might identify the customer. A value that is the
// same in all events is the shop's.
func (f *forecast) addAddress(body []byte, field string) {
	if len(f.addresses) == 2 {
		return
	}
	path, err := event.ParsePath(field)
	if err != nil {
		return
	}
	d := event.NewDecoder()
	defer d.Release()
	if t, err := d.Decode(body); err == nil {
		text, _ := path.One(&t.Root).ScalarText()
		if text = strings.ToLower(strings.TrimSpace(text)); text != "" && !slices.Contains(f.addresses, text) {
			f.addresses = append(f.addresses, strings.Clone(text))
		}
	}
}

// maxNames bounds the names that a message lists.
const maxNames = 40

// fieldsOf returns the paths of the first fields of an event.
func fieldsOf(body []byte) (all []string) {
	d := event.NewDecoder()
	defer d.Release()
	t, err := d.Decode(body)
	if err != nil {
		return nil
	}
	var walk func(n *event.Node, at string)
	walk = func(n *event.Node, at string) {
		if n.Kind == event.Object {
			for i := range n.Kids {
				walk(&n.Kids[i], event.JoinPath(at, n.Kids[i].Name))
			}
		} else if len(all) <= maxNames {
			all = append(all, at)
		}
	}
	walk(&t.Root, "")
	return all
}

// unfitEvents is how many JSON events without any field in which the mapping looks for the
// customer, or for consent, show that it does not fit: programs leave empty fields out.
const unfitEvents = 100

// unfit returns why the current mapping does not fit the file, if none of the checked events
// would be sent or held:
//
//   - The mapping has none of the events.
//   - The events have no customer (no_customer). The table has no column in which the mapping looks
//     for one, or no event of a JSON file has such a field, of at least unfitEvents; or the events
//     have different e-mail addresses or user ids that no match key reads.
//   - The same for consent (no_consent).
//
// Otherwise it returns nil: a file with the right fields can be a day of cash sales.
func (f *forecast) unfit(checked int) *UnfitError {
	if f == nil || f.kinds[mapper.Send]+f.kinds[mapper.Hold] > 0 {
		return nil
	}
	skipped := f.reasons[mapper.Skip]
	unmapped, anonymous, refusing := skipped[mapper.ReasonUnmapped], skipped[mapper.ReasonNoCustomer], skipped[mapper.ReasonNoConsent]
	e := &UnfitError{Checked: checked, Columns: f.columns, Table: f.table, Forecast: f.words(checked)}
	enough := func(n int) bool { return f.table || n >= unfitEvents }
	switch {
	case anonymous > 0 && !f.customer && enough(anonymous):
		e.Why, e.Likely = "none of the columns is one in which the mapping looks for the customer (match_keys)", f.likely
		if !f.table {
			e.Why = "no event has a field in which the mapping looks for the customer (match_keys)"
		}
		e.Todo = "name the column for its field (--column, spool: columns), or name it under match_keys in the mapping"
	case anonymous > 0 && len(f.addresses) > 1:
		e.Why, e.Likely = "the events have e-mail addresses or user ids, but none in a field in which the mapping looks for the customer (match_keys)", f.likely
		e.Todo = "name the field under match_keys in the mapping; if it is not the customer's, under staff or custom_data.exclude"
	case anonymous == 0 && refusing > 0 && !f.consent && enough(refusing):
		e.Why = "the mapping requires consent, and the file has no field for it"
		e.Reads = f.mapping.ConsentFields()
		e.Todo = "name the column for that field (--column, spool: columns), or remove consent from the mapping if the sales in this file need none"
		return e
	case unmapped > 0 && unmapped == f.kinds[mapper.Skip]:
		e.Why = "the mapping has none of their events"
		e.Events, e.Mapped = f.names, f.mapping.Events()
		e.Todo = "correct the name (--event, spool: event), or add the event to the mapping"
		return e
	default:
		return nil
	}
	e.Reads = f.mapping.CustomerFields()
	return e
}

// UnfitError reports that a file was refused before any of it was stored, because the current
// mapping would send nothing of it. The lists contain names, never values.
type UnfitError struct {
	Checked int
	Why     string
	Columns []string // of the table, or the fields of the first event
	Table   bool
	Reads   []string // the fields in which the mapping looks
	Events  []string // the events that the mapping does not have
	Mapped  []string // the events that it has

	Forecast string
	Likely   string // options that would probably help
	Todo     string
}

func (e *UnfitError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "none of the first %d rows would be sent, nothing was stored: %s", e.Checked, e.Why)
	b.WriteString("\n" + e.Forecast)
	list := func(of string, names []string) {
		if len(names) > maxNames {
			names = append(slices.Clone(names[:maxNames]), "…")
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "\n%s: %s", of, strings.Join(names, ", "))
		}
	}
	list("events in the file", e.Events)
	list("events in the mapping", e.Mapped)
	if e.Events == nil && e.Table {
		list("columns of the file", e.Columns)
	} else if e.Events == nil {
		list("fields of the first event", e.Columns)
	}
	list("the mapping looks in", e.Reads)
	if e.Likely != "" {
		fmt.Fprintf(&b, "\nthese options probably help: %s (spool: columns)", e.Likely)
	}
	fmt.Fprintf(&b, "\n%s. To store the file as it is, use --unsent (spool: unsent: true)", e.Todo)
	return b.String()
}

// words returns the forecast as text, for rows checked rows.
func (f *forecast) words(rows int) string {
	words := "1 row checked"
	if rows != 1 {
		words = fmt.Sprintf("%d rows checked", rows)
	}
	if f == nil {
		return words
	}
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
	words += "; with the current mapping: " + strings.Join(parts, ", ")
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
