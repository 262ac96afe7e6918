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

// columns converts the rows of an event into its JSON.
type columns struct {
	root   *node
	event  string // event name for rows without one
	layout string // of times, as time.Parse takes it
	zone   *time.Location
	names  []string
	timed  bool            // there is a time column
	of     []int           // the columns with the event name
	filled map[string]bool // paths that columns fill, and the headers of those columns
	group  []int           // columns in which the rows of one event are equal; nil: one row per event
	id     []int           // columns that identify a sale across files
}

// node is a node of the event that a header describes: an object, a list with indexed nodes, a
// list with an item for each row, or a leaf that columns fill.
type node struct {
	name string
	in   int // index in a list, or eachRow, or noIndex
	list bool
	cols []int // of a leaf
	kids []*node
	at   map[step]*node // kids by step
	kind kind
}

// kind is what a cell can become besides text.
type kind int

const (
	text kind = iota
	number
	boolean
	moment
)

// messageFields are fields of a message; other names are properties.
var messageFields = []string{"event", "type", "timestamp", "originalTimestamp", "messageId", "userId", "anonymousId"}

// pathRoots are the fields with which a path can begin.
var pathRoots = append([]string{"properties", "context", "traits", "integrations"}, messageFields...)

// isPath reports whether a header is a path: a field of a message or a name below one. Any
// other header with dots or brackets is a plain name.
func isPath(name string) bool {
	root, _, below := strings.Cut(name, ".")
	if strings.Contains(root, "[") {
		return false
	}
	if !below {
		return slices.Contains(messageFields, name)
	}
	return slices.Contains(pathRoots[:4], root)
}

// rooted puts a path that does not begin with a field of a message below properties.
func rooted(s []step) []step {
	if len(s) == 0 || slices.Contains(pathRoots, s[0].name) && (len(s) > 1 || slices.Contains(messageFields, s[0].name)) {
		return s
	}
	return append([]step{{name: "properties", in: noIndex}}, s...)
}

// Each column is compared with the others, and each unusable one is reported: without limits a
// small file could take minutes and produce a report many times its size.
const (
	maxColumns      = 4096
	maxColumnErrors = 20
)

func newColumns(h *header, l *Layout) (*columns, error) {
	c := &columns{root: &node{in: noIndex}, event: l.Event, layout: l.TimeFormat, zone: l.Zone, names: h.names, filled: map[string]bool{}}
	if n := h.width(); n > maxColumns {
		return nil, fmt.Errorf("the header has %d columns, the limit is %d: leave columns out of the export", n, maxColumns)
	}
	all, err := h.choose(l)
	errs := []error{err}
	for _, ch := range all {
		steps, err := ch.steps(h)
		c.recordFilled(ch)
		if err == nil {
			err = c.root.add(steps, ch.cols, c.kindOf(steps))
		}
		if err != nil {
			name := h.names[ch.cols[0]]
			if nth, of := h.nth(ch.cols[0]); of > 1 && errors.Is(err, errTaken) {
				err = fmt.Errorf("%w: it is number %d of %d columns of that name; --column 'PATH=%s#%d' sets the place it fills, --column '=%s#%d' leaves it out (spool: columns)", err, nth, of, name, nth, name, nth)
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
	for _, of := range []struct { // both can name the same missing column
		name string
		to   *[]int
	}{{l.GroupBy, &c.group}, {l.ID, &c.id}} {
		if of.name != "" {
			if *of.to, err = h.single(of.name, all); err != nil && !slices.ContainsFunc(errs, func(e error) bool { return e != nil && e.Error() == err.Error() }) {
				errs = append(errs, err)
			}
		}
	}
	if c.of == nil && l.Event == "" {
		errs = append(errs, errors.New("no column has the event name: set it with --event (spool: event), or name the column with --column 'event=HEADER' (spool: columns)"))
	}
	return c, errors.Join(errs...)
}

// recordFilled records what a column fills, unless it is a property with its own name.
func (c *columns) recordFilled(ch choice) {
	if ch.path == "" {
		return
	}
	c.filled[strings.TrimPrefix(ch.path, "properties.")] = true
	for _, k := range ch.cols {
		c.filled[c.names[k]] = true
	}
}

// step is a field name, or a list index if in is not noIndex.
type step struct {
	name string
	in   int
}

const (
	noIndex = -1
	eachRow = -2 // [] of a path
)

// steps parses a path: a.b[0].c, or a.b[].c with an item for each row.
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
				return nil, errors.New("an index in the path must be like [0], or [] for an item of each row")
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
		return boolean
	case (c.layout != "" || c.zone != nil) && (s[0].name == "timestamp" || s[0].name == "originalTimestamp"):
		return moment
	}
	return text
}

// errTaken reports that two columns fill the same place.
var errTaken = errors.New("another column fills the same place")

func (p *node) add(path []step, cols []int, k kind) error {
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
	q := &node{name: s.name, in: s.in}
	if p.at == nil {
		p.at = make(map[step]*node)
	}
	p.at[s], p.kids = q, append(p.kids, q)
	if list {
		slices.SortStableFunc(p.kids, func(a, b *node) int { return a.in - b.in })
	}
	return q.add(path[1:], cols, k)
}

// conflict reports rows of one event that differ in a value which the event has once.
type conflict struct{ column, first, then int }

// writer writes one event.
type writer struct {
	*columns
	dst  []byte
	rows [][]string
	bad  *conflict

	blanks bool // blank cells become empty text
	unread bool // a time cannot be read although its zone is set: the mapping would assume another zone
}

// write appends the event of rows to dst. The writer has the problems found.
func (c *columns) write(dst []byte, rows [][]string) ([]byte, *writer) {
	w := &writer{columns: c, dst: append(dst, '{'), rows: rows}
	if name, _ := w.joined(c.of, 0, len(rows)); c.event != "" && name == "" {
		w.dst = quote(append(w.dst, `"event":`...), c.event)
	}
	w.members(c.root, 0, len(rows))
	return append(w.dst, '}'), w
}

// Fields returns the event with every field that it can have. In a table, each blank cell is an
// empty text.
func (r *Row) Fields() []byte {
	if r.cols == nil {
		return r.Msg.Body
	}
	w := &writer{columns: r.cols, dst: []byte{'{'}, rows: [][]string{r.cells}, blanks: true}
	w.members(r.cols.root, 0, 1)
	return append(w.dst, '}')
}

// Columns returns the names in the header of the row's table; false if it is not from a table.
func (r *Row) Columns() ([]string, bool) {
	if r.cols == nil {
		return nil, false
	}
	return slices.DeleteFunc(slices.Clone(r.cols.names), func(name string) bool { return name == "" }), true
}

// joined returns the text of columns, from the first row that has one, and whether a mark of a
// spreadsheet makes it text.
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
			w.bad = &conflict{column: cols[0], first: at, then: i}
		}
	}
	return found, asText
}

// value appends the value of a node for rows; false if there is none.
func (w *writer) value(p *node, from, to int) bool {
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

func (w *writer) members(p *node, from, to int) (any bool) {
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

func (w *writer) member(p, q *node, from, to int) bool {
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
		if w.blanks {
			w.dst = append(w.dst, `""`...)
		}
		return w.blanks
	}
	switch {
	case asText:
	case (s[0] == '{' || s[0] == '[') && json.Valid([]byte(s)):
		w.dst = append(w.dst, s...)
		return true
	case k == number && plainNumber(s):
		w.dst = append(w.dst, s...)
		return true
	case k == boolean && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false")):
		w.dst = append(w.dst, strings.ToLower(s)...)
		return true
	}
	if k == moment {
		s = w.moment(s)
	}
	w.dst = quote(w.dst, s)
	return true
}

// plainNumber reports whether s is a number as JSON writes it, with few enough digits that no
// reader rounds it. 007 and 1e5 are text.
func plainNumber(s string) bool {
	t := strings.TrimPrefix(s, "-")
	whole, fraction, dot := strings.Cut(t, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!dot || digits(fraction)) && len(t) <= 16
}

func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // an error means that it wrote U+FFFD somewhere
	return dst
}
