package rows

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// columns turns the rows of an event into it.
type columns struct {
	root   *place
	event  string // the event's name in rows that give none
	layout string // of times
	zone   *time.Location
	names  []string
	timed  bool            // there is a column of times
	of     []int           // the columns of the event's name
	filled map[string]bool // paths that columns fill, and the headers of these
	group  []int           // what rows of one event are equal in; nil: each is one
	id     []int           // what makes a row the same sale in the next export
}

// place is a node of the event a header describes: an object, a list with places
// in it, a list with an item for each row, or a leaf that columns fill.
type place struct {
	name string
	in   int // index in a list, or eachRow, or noIndex
	list bool
	cols []int // none unless a leaf
	kids []*place
	at   map[step]*place // the kids
	kind kind
}

// kind is what a cell may become besides text.
type kind int

const (
	text kind = iota
	number
	truth
	moment
)

// own are the names of a message's own; the others are properties.
var own = []string{"event", "type", "timestamp", "originalTimestamp", "messageId", "userId", "anonymousId"}

// roots are the members of a message that a path may begin with.
var roots = append([]string{"properties", "context", "traits", "integrations"}, own...)

// isPath tells a header that is a path: one of a message's own names, or a name
// below a member of it. Whatever else has dots or brackets is a name.
func isPath(name string) bool {
	root, _, below := strings.Cut(name, ".")
	if strings.Contains(root, "[") {
		return false
	}
	if !below {
		return slices.Contains(own, name)
	}
	return slices.Contains(roots[:4], root)
}

// rooted puts a path that begins with no member of a message below properties.
func rooted(s []step) []step {
	if len(s) == 0 || slices.Contains(roots, s[0].name) && (len(s) > 1 || slices.Contains(own, s[0].name)) {
		return s
	}
	return append([]step{{name: "properties", in: noIndex}}, s...)
}

// A column is held against each of the others, and each is told of that cannot be used:
// without bounds a small file would cost minutes and a report many times its size.
const (
	maxColumns      = 4096
	maxColumnErrors = 20
)

func newColumns(h *header, l *Layout) (*columns, error) {
	c := &columns{root: &place{in: noIndex}, event: l.Event, layout: l.TimeFormat, zone: l.Zone, names: h.names, filled: map[string]bool{}}
	if n := h.width(); n > maxColumns {
		return nil, fmt.Errorf("the header names %d columns, and a table may have %d: leave columns out of the export", n, maxColumns)
	}
	all, err := h.choose(l)
	errs := []error{err}
	for _, ch := range all {
		steps, err := ch.steps(h)
		c.note(ch)
		if err == nil {
			err = c.root.add(steps, ch.cols, c.kindOf(steps))
		}
		if err != nil {
			name := h.names[ch.cols[0]]
			if nth, of := h.nth(ch.cols[0]); of > 1 && errors.Is(err, errTaken) {
				err = fmt.Errorf("%w: it is number %d of %d columns of that name; --column 'PATH=%s#%d' says what it fills, --column '=%s#%d' leaves it out (spool: columns)", err, nth, of, name, nth, name, nth)
			}
			errs = append(errs, fmt.Errorf("column %d (%s): %w", ch.cols[0]+1, name, err))
		}
		if len(steps) > 0 && (steps[0].name == "timestamp" || steps[0].name == "originalTimestamp") {
			c.timed = true
		}
		if len(steps) == 1 && steps[0].name == "event" {
			c.of = ch.cols
		}
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if n := len(errs); n > maxColumnErrors {
		errs = append(errs[:maxColumnErrors], fmt.Errorf("and %d more columns", n-maxColumnErrors))
	}
	for _, of := range []struct { // both may name the same column
		name string
		to   *[]int
	}{{l.GroupBy, &c.group}, {l.ID, &c.id}} {
		if of.name != "" {
			if *of.to, err = h.one(of.name, all); err != nil && !slices.ContainsFunc(errs, func(e error) bool { return e != nil && e.Error() == err.Error() }) {
				errs = append(errs, err)
			}
		}
	}
	if c.of == nil && l.Event == "" {
		errs = append(errs, errors.New("no column is the event's name: name it with --event (spool: event), or the column with --column 'event=HEADER' (spool: columns)"))
	}
	return c, errors.Join(errs...)
}

// note notes what a column fills, but that it is a property of its own name.
func (c *columns) note(ch choice) {
	if ch.path == "" {
		return
	}
	c.filled[strings.TrimPrefix(ch.path, "properties.")] = true
	for _, k := range ch.cols {
		c.filled[c.names[k]] = true
	}
}

// step is a name, or a place in a list when in is not noIndex.
type step struct {
	name string
	in   int
}

const (
	noIndex = -1
	eachRow = -2 // [] of a path
)

// steps takes a path apart: a.b[0].c, and a.b[].c with an item for each row
func steps(path string) ([]step, error) {
	var all []step
	for part := range strings.SplitSeq(path, ".") {
		name, rest, _ := strings.Cut(part, "[")
		if name = strings.TrimSpace(name); name == "" {
			return nil, errors.New("a name in the path is empty")
		}
		all = append(all, step{name: name, in: noIndex})
		for rest != "" {
			in, more, ok := strings.Cut(rest, "]")
			n, err := strconv.ParseUint(in, 10, 10)
			at := int(n)
			if in == "" {
				at, err = eachRow, nil
			}
			if !ok || err != nil || more != "" && more[0] != '[' {
				return nil, errors.New("an index in the path is not like [0], or [] for an item of each row")
			}
			all = append(all, step{in: at})
			rest = strings.TrimPrefix(more, "[")
		}
	}
	if len(all) > 20 {
		return nil, errors.New("the path is too deep")
	}
	return all, nil
}

func (c *columns) kindOf(s []step) kind {
	switch {
	case s[0].name == "properties":
		return number
	case s[0].name == "integrations", s[0].name == "context" && len(s) > 1 && s[1].name == "consent":
		return truth
	case (c.layout != "" || c.zone != nil) && (s[0].name == "timestamp" || s[0].name == "originalTimestamp"):
		return moment
	}
	return text
}

// errTaken says that two columns fill one place.
var errTaken = errors.New("another column fills the same place")

func (p *place) add(path []step, cols []int, k kind) error {
	if len(path) == 0 {
		if p.cols != nil || len(p.kids) > 0 {
			return errTaken
		}
		p.cols, p.kind = cols, k
		return nil
	}
	s := path[0]
	list := s.in != noIndex
	if p.cols != nil || len(p.kids) > 0 && (p.list != list || list && (s.in == eachRow) != (p.kids[0].in == eachRow)) {
		return errTaken
	}
	p.list = list
	if q := p.at[s]; q != nil {
		return q.add(path[1:], cols, k)
	}
	q := &place{name: s.name, in: s.in}
	if p.at == nil {
		p.at = make(map[step]*place)
	}
	p.at[s], p.kids = q, append(p.kids, q)
	if list {
		slices.SortStableFunc(p.kids, func(a, b *place) int { return a.in - b.in })
	}
	return q.add(path[1:], cols, k)
}

// differs says that rows of one event do not agree on what the event has once.
type differs struct{ column, first, then int }

// writer writes one event.
type writer struct {
	*columns
	dst  []byte
	rows [][]string
	bad  *differs

	unread bool // a time whose zone is given cannot be read: in the mapping it would have another
}

// write appends the event that rows make. The writer says what is wrong with it.
func (c *columns) write(dst []byte, rows [][]string) ([]byte, *writer) {
	w := &writer{columns: c, dst: append(dst, '{'), rows: rows}
	if name, _ := w.joined(c.of, 0, len(rows)); c.event != "" && name == "" {
		w.dst = quote(append(w.dst, `"event":`...), c.event)
	}
	w.members(c.root, 0, len(rows))
	return append(w.dst, '}'), w
}

// joined is the text of columns, taken from the first of the rows that has one.
// Whether a mark makes it text is told too.
func (w *writer) joined(cols []int, from, to int) (found string, asText bool) {
	at := from
	for i := from; i < to; i++ {
		var parts []string
		mark := false
		for _, k := range cols {
			plain, m := plainCell(w.rows[i][k])
			if mark = mark || m; plain != "" {
				parts = append(parts, plain)
			}
		}
		switch s := strings.Join(parts, " "); {
		case s == "":
		case found == "":
			found, asText, at = s, mark, i
		case s != found && w.bad == nil:
			w.bad = &differs{column: cols[0], first: at, then: i}
		}
	}
	return found, asText
}

// value appends what a place holds in rows; false when that is nothing.
func (w *writer) value(p *place, from, to int) bool {
	if p.cols != nil {
		s, asText := w.joined(p.cols, from, to)
		return w.cell(s, p.kind, asText)
	}
	at := len(w.dst)
	open, end := byte('{'), byte('}')
	if p.list {
		open, end = '[', ']'
	}
	w.dst = append(w.dst, open)
	if !w.members(p, from, to) {
		w.dst = w.dst[:at]
		return false
	}
	w.dst = append(w.dst, end)
	return true
}

func (w *writer) members(p *place, from, to int) (any bool) {
	for _, q := range p.kids {
		if q.in == eachRow {
			for i := from; i < to; i++ {
				any = w.member(p, q, i, i+1) || any
			}
			continue
		}
		any = w.member(p, q, from, to) || any
	}
	return any
}

func (w *writer) member(p, q *place, from, to int) bool {
	at := len(w.dst)
	if last := w.dst[at-1]; last != '{' && last != '[' {
		w.dst = append(w.dst, ',')
	}
	if !p.list {
		w.dst = append(quote(w.dst, q.name), ':')
	}
	if !w.value(q, from, to) {
		w.dst = w.dst[:at]
		return false
	}
	return true
}

func (w *writer) cell(s string, k kind, asText bool) bool {
	if s == "" {
		return false
	}
	switch {
	case asText:
	case (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)):
		w.dst = append(w.dst, s...)
		return true
	case k == number && plainNumber(s):
		w.dst = append(w.dst, s...)
		return true
	case k == truth && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")):
		w.dst = append(w.dst, strings.ToLower(s)...)
		return true
	}
	if k == moment {
		s = w.moment(s)
	}
	w.dst = quote(w.dst, s)
	return true
}

// plainNumber: digits as JSON writes them and few enough that nobody rounds
// them; 007 and 1e5 are texts.
func plainNumber(s string) bool {
	t := strings.TrimPrefix(s, "-")
	whole, fraction, dot := strings.Cut(t, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!dot || digits(fraction)) && len(t) <= 16
}

func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // an error says that it put U+FFFD somewhere
	return dst
}
