package rows

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"relay/mapper/fold"
	"relay/relay/internal/track"
)

// table reads CSV with a header.
type table struct {
	records records
	cols    *columns
	packed  track.Reader
	buf     []byte
	number  int64

	held *record  // of the next event
	late []record // that cannot be used and stand among the rows of an event
	note *tableNote
	seen map[[16]byte]int64
}

// groupRows bounds the rows of one event.
const groupRows = 1000

func newTable(r io.Reader, o *Options) (*table, error) {
	t := &table{packed: o.reader()}
	h, err := t.records.begin(r, &o.Layout, o.EventBytes)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if h == nil {
		return t, nil
	}
	if t.cols, err = newColumns(h, &o.Layout); err != nil {
		if hint := t.title(h); hint != "" {
			err = fmt.Errorf("%w\n%s", err, hint)
		}
		return nil, &PrivateError{"read header", err}
	}
	if t.cols.group != nil {
		t.seen = map[[16]byte]int64{}
	}
	t.note = noteOf(h, t.records.comma, &o.Layout)
	return t, nil
}

// data says what of a row no name of a column looks like.
func data(cells []string) string {
	numbers := 0
	for i, c := range cells {
		c, _ = plainCell(c)
		switch {
		case addressLike.MatchString(c):
			return fmt.Sprintf("an e-mail address (column %d)", i+1)
		case momentLike.MatchString(c):
			return fmt.Sprintf("a time (column %d)", i+1)
		case c != "" && strings.Trim(c, "0123456789.,-") == "":
			numbers++
		}
	}
	if numbers > 0 && 2*numbers >= len(cells) {
		return "numbers"
	}
	return ""
}

var (
	addressLike = regexp.MustCompile(`^[^\s@]+@[^\s@]+\.[^\s@]+$`)
	momentLike  = regexp.MustCompile(`^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([^\d]|$)`)
)

// title says which line the header may be where the one at hand is but a title.
func (t *table) title(h *header) string {
	if filled := strings.Join(h.names, ""); len(h.names) > 2 && !blank(h.names[1:]) || filled == "" {
		return ""
	}
	for range 20 {
		line, err := t.records.in.next()
		if err != nil {
			return ""
		}
		if cells := strings.FieldsFunc(line.text, func(r rune) bool { return r == separator(line.text) }); len(cells) > 2 {
			return fmt.Sprintf("is line %d the header? Then say so with --header-row %d (spool: header_row)", line.number, line.number)
		}
	}
	return ""
}

// separator is the likeliest one of a header: the most frequent outside quotes.
func separator(header string) rune {
	best, most := ',', 0
	for _, c := range ",;\t|" {
		n, quoted := 0, false
		for _, b := range header {
			switch {
			case b == '"':
				quoted = !quoted
			case !quoted && b == c:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

func (t *table) Next(r *Row) error {
	if len(t.late) > 0 {
		*r = t.refused(&t.late[0])
		t.late = t.late[1:]
		return nil
	}
	first, err := t.take()
	if err != nil {
		return err
	}
	if first.bad != nil {
		*r = t.refused(first)
		return nil
	}
	group := []record{*first}
	if t.cols.group != nil {
		if why, err := t.gather(&group); err != nil {
			return err
		} else if why != nil {
			*r = t.refused(first)
			r.Bad = why
			return nil
		}
	}
	*r = t.event(group)
	return nil
}

// again says whether a row is the header once more, as files have that were put
// together of several.
func (t *table) again(cells []string) bool {
	return t.cols != nil && len(cells) == len(t.cols.names) && strings.HasSuffix(strings.TrimSpace(cells[0]), t.cols.names[0]) &&
		slices.Equal(newHeader(cells).names, t.cols.names)
}

// take is the next row that is not blank.
func (t *table) take() (*record, error) {
	if rec := t.held; rec != nil {
		t.held = nil
		return rec, nil
	}
	for {
		rec, err := t.records.next()
		if err != nil {
			return nil, err
		}
		if rec.bad == nil && t.again(rec.cells) {
			continue
		}
		if rec.bad != nil || !blank(rec.cells) {
			t.number++
			rec.number = t.number
			return &rec, nil
		}
	}
}

// gather adds the rows that belong to the event of the first one. One with
// nothing in the column belongs to the row above it.
func (t *table) gather(group *[]record) (*track.Problem, error) {
	key := t.cols.text(t.cols.group, (*group)[0].cells)
	column := t.cols.names[t.cols.group[0]]
	if fold.LostDigits(key) {
		return shortened(column), nil
	}
	if key == "" {
		return &track.Problem{Code: "missing_group", Message: fmt.Sprintf("nothing stands in column %q, by which rows are grouped", column)}, nil
	}
	sum := shortSum(key)
	if before, ok := t.seen[sum]; ok {
		return &track.Problem{Code: "group_apart", Message: fmt.Sprintf("it belongs to the order of row %d, which does not stand next to it: sort the file by column %q", before, column)}, nil
	}
	t.seen[sum] = (*group)[0].number
	for {
		rec, err := t.take()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		case rec.bad != nil:
			t.late = append(t.late, *rec)
			continue
		}
		if k := t.cols.text(t.cols.group, rec.cells); k != "" && k != key || len(*group) == groupRows {
			t.held = rec
			return nil, nil
		}
		*group = append(*group, *rec)
	}
}

// text is what one row has in columns.
func (c *columns) text(cols []int, cells []string) string {
	w := writer{columns: c, rows: [][]string{cells}}
	s, _ := w.joined(cols, 0, 1)
	return s
}

// shortened is what is wrong with a number that a spreadsheet has cut: orders that
// have nothing to do with each other would be one.
func shortened(column string) *track.Problem {
	return &track.Problem{Code: "shortened_number", Message: fmt.Sprintf(
		"column %q holds a number of the form 9.99E+99, which a spreadsheet has shortened: format the column as text there, and export again", column)}
}

func shortSum(s string) (out [16]byte) {
	sum := sha256.Sum256([]byte(s))
	copy(out[:], sum[:])
	return out
}

// event makes the row of an event.
func (t *table) event(group []record) Row {
	rows := make([][]string, len(group))
	texts := make([]string, len(group))
	for i, rec := range group {
		rows[i], texts[i] = rec.cells, rec.text
	}
	r := Row{Number: group[0].number, line: group[0].line, Joined: int64(len(group) - 1), Timed: t.cols.timed, Text: []byte(strings.Join(texts, "\n")), table: t.note, cells: rows[0], filled: t.cols.filled}
	var w *writer
	t.buf, w = t.cols.write(t.buf[:0], rows)
	switch msg, err := t.packed.One(t.buf); {
	case w.bad != nil:
		bad := w.bad
		name := t.cols.names[bad.column]
		r.Bad = &track.Problem{Code: "rows_differ", Message: fmt.Sprintf("the rows of one order differ in column %q (rows %d and %d): "+
			"if it is of the product, say so with --column 'products[].NAME=%s'; --column '=%s' leaves it out", name, group[bad.first].number, group[bad.then].number, name, name)}
	case err != nil:
		r.Bad = &track.Problem{Code: "invalid_json", Message: err.Error()} // a cell of JSON that is none
	default:
		r.Msg, r.Bad = msg, msg.Problem
	}
	if times := r.Msg.Times(); w.unread && r.Bad == nil && len(times) > 0 {
		r.Bad = UnreadableTime(times[0])
	}
	if t.cols.id != nil && r.Bad == nil {
		column := t.cols.names[t.cols.id[0]]
		switch r.Once = t.cols.text(t.cols.id, rows[0]); {
		case r.Once == "":
			r.Bad = &track.Problem{Code: "missing_id", Message: fmt.Sprintf("nothing stands in column %q, by which sales are told apart", column)}
		case fold.LostDigits(r.Once):
			r.Bad = shortened(column)
		}
	}
	return r
}

// record is one row of the file.
type record struct {
	number, line int64
	at           int64  // where it begins in the table
	text         string // as it stands there
	cells        []string
	bad          *track.Problem
}

func (t *table) refused(r *record) Row {
	return Row{Number: r.number, line: r.line, Text: []byte(r.text), table: t.note, Bad: r.bad}
}
