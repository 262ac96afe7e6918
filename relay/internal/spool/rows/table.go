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

	pushedBack *record  // the first row of the next event
	unusable   []record // unusable rows found among the rows of an event
	note       *tableNote
	seen       map[[16]byte]int64
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
	if err := t.checkSeparator(h, &o.Layout); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if t.cols, err = newColumns(h, &o.Layout); err != nil {
		if hint := t.headerHint(h); hint != "" {
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

// data names what a row contains that column names do not look like; "" if nothing.
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

// headerHint returns a hint at the line of the header if the current one seems to be a title.
func (t *table) headerHint(h *header) string {
	if filled := strings.Join(h.names, ""); len(h.names) > 2 && !blank(h.names[1:]) || filled == "" {
		return ""
	}
	for range 20 {
		line, err := t.records.in.next()
		if err != nil {
			return ""
		}
		if cells := strings.FieldsFunc(line.text, func(r rune) bool { return r == separator(line.text) }); len(cells) > 2 {
			return fmt.Sprintf("if line %d is the header, use --header-row %d (spool: header_row)", line.number, line.number)
		}
	}
	return ""
}

func (t *table) Next(r *Row) error {
	if len(t.unusable) > 0 {
		*r = t.refused(&t.unusable[0])
		t.unusable = t.unusable[1:]
		return nil
	}
	first, err := t.nextRow()
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

// isRepeatedHeader reports whether a row is the header again, as in concatenated files.
func (t *table) isRepeatedHeader(cells []string) bool {
	return t.cols != nil && len(cells) == len(t.cols.names) && strings.HasSuffix(strings.TrimSpace(cells[0]), t.cols.names[0]) &&
		slices.Equal(newHeader(cells).names, t.cols.names)
}

// nextRow returns the next row that is not blank.
func (t *table) nextRow() (*record, error) {
	if rec := t.pushedBack; rec != nil {
		t.pushedBack = nil
		return rec, nil
	}
	for {
		rec, err := t.records.next()
		if err != nil {
			return nil, err
		}
		if rec.bad == nil && t.isRepeatedHeader(rec.cells) {
			continue
		}
		if rec.bad != nil || !blank(rec.cells) {
			t.number++
			rec.number = t.number
			return &rec, nil
		}
	}
}

// gather adds the rows that belong to the event of the first one. A row whose group column is
// empty belongs to the row above it.
func (t *table) gather(group *[]record) (*track.Problem, error) {
	key := t.cols.text(t.cols.group, (*group)[0].cells)
	column := t.cols.names[t.cols.group[0]]
	if fold.LostDigits(key) {
		return shortened(column), nil
	}
	if key == "" {
		return &track.Problem{Code: "missing_group", Message: fmt.Sprintf("column %q, which groups the rows, is empty", column)}, nil
	}
	sum := shortSum(key)
	if before, ok := t.seen[sum]; ok {
		return &track.Problem{Code: "group_apart", Message: fmt.Sprintf("it belongs to the order of row %d, which is not next to it: sort the file by column %q", before, column)}, nil
	}
	t.seen[sum] = (*group)[0].number
	for {
		rec, err := t.nextRow()
		switch {
		case errors.Is(err, io.EOF):
			return nil, nil
		case err != nil:
			return nil, err
		case rec.bad != nil:
			t.unusable = append(t.unusable, *rec)
			continue
		}
		if k := t.cols.text(t.cols.group, rec.cells); k != "" && k != key || len(*group) == groupRows {
			t.pushedBack = rec
			return nil, nil
		}
		*group = append(*group, *rec)
	}
}

// text returns the text of one row in columns.
func (c *columns) text(cols []int, cells []string) string {
	w := writer{columns: c, rows: [][]string{cells}}
	s, _ := w.joined(cols, 0, 1)
	return s
}

// shortened returns the problem of a number that a spreadsheet has rounded: it would merge
// unrelated orders.
func shortened(column string) *track.Problem {
	return &track.Problem{Code: "shortened_number", Message: fmt.Sprintf(
		"column %q has a number like 9.99E+99, which a spreadsheet has shortened: format the column as text there and export again", column)}
}

func shortSum(s string) (out [16]byte) {
	sum := sha256.Sum256([]byte(s))
	copy(out[:], sum[:])
	return out
}

// event returns the row of an event.
func (t *table) event(group []record) Row {
	rows := make([][]string, len(group))
	texts := make([]string, len(group))
	for i, rec := range group {
		rows[i], texts[i] = rec.cells, rec.text
	}
	r := Row{Number: group[0].number, line: group[0].line, Joined: int64(len(group) - 1), Timed: t.cols.timed, Text: []byte(strings.Join(texts, "\n")), table: t.note, cells: rows[0], cols: t.cols}
	var w *writer
	t.buf, w = t.cols.write(t.buf[:0], rows)
	switch msg, err := t.packed.One(t.buf); {
	case w.bad != nil:
		bad := w.bad
		name := t.cols.names[bad.column]
		r.Bad = &track.Problem{Code: "rows_differ", Message: fmt.Sprintf("the rows of one order differ in column %q (rows %d and %d): "+
			"if it describes a product, use --column 'products[].NAME=%s'; --column '=%s' leaves it out", name, group[bad.first].number, group[bad.then].number, name, name)}
	case err != nil:
		r.Bad = &track.Problem{Code: "invalid_json", Message: err.Error()} // a cell with invalid JSON
	default:
		r.Msg, r.Bad = msg, msg.Problem
	}
	if times := r.Msg.Times(); w.unread && r.Bad == nil && len(times) > 0 {
		r.Bad = UnreadableTime(times[0])
	}
	if t.cols.id != nil && r.Bad == nil {
		column := t.cols.names[t.cols.id[0]]
		switch r.SaleID = t.cols.text(t.cols.id, rows[0]); {
		case r.SaleID == "":
			r.Bad = &track.Problem{Code: "missing_id", Message: fmt.Sprintf("column %q, which identifies sales, is empty", column)}
		case fold.LostDigits(r.SaleID):
			r.Bad = shortened(column)
		}
	}
	return r
}

// record is one row of the file.
type record struct {
	number, line int64
	at           int64  // offset in the table
	text         string // as in the file
	cells        []string
	bad          *track.Problem
}

func (t *table) refused(r *record) Row {
	return Row{Number: r.number, line: r.line, Text: []byte(r.text), table: t.note, Bad: r.bad}
}
