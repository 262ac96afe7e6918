package rows

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// filterTable filters a table with a header, or text without one. A row is matched as the event
// that would be stored for it. If one row of an order matches, all its rows are removed.
func filterTable(in io.Reader, kept io.Writer, layout *Layout, who Matcher) (gone int, err error) {
	all, err := io.ReadAll(in)
	if err != nil {
		return 0, err
	}
	t := tableRows{who: who}
	h, err := t.records.begin(bytes.NewReader(all), layout, DefaultEventBytes)
	switch {
	case err != nil || h == nil:
		if err := t.noHeader(all, layout); err != nil {
			return 0, err
		}
	default:
		for line := range bytes.Lines(all[:h.at]) {
			t.rows = append(t.rows, tableRow{text: line, gone: t.matchesText(line)})
		}
		t.setHeader(h, layout)
	}
	if err := t.read(all); err != nil {
		return 0, err
	}
	for _, row := range t.rows {
		if t.isRemoved(&row) {
			gone++
		} else if _, err := kept.Write(row.text); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// tableRows are the rows of a table and whether Forget removes them. The table is read as an
// import reads it.
type tableRows struct {
	who          Matcher
	records      records
	header       *header  // nil: none that can be read
	cols         *columns // nil: only the names in the header tell what the cells are
	titleRemoved bool     // a name in the header matched
	rows         []tableRow
	orders       map[string]bool // by group key: whether the order matches
	order        string          // group key of the previous row
}

type tableRow struct {
	text  []byte // unchanged, with its line end
	order string
	gone  bool
}

func (t *tableRows) isRemoved(row *tableRow) bool {
	return row.gone || row.order != "" && t.orders[row.order]
}

// setHeader applies the header. A name in it that matches is removed with the header and does
// not count for the rows: a title taken for a header stands above other people's rows.
func (t *tableRows) setHeader(h *header, layout *Layout) {
	for i, name := range h.names {
		if t.who.Text(name) {
			h.names[i], t.titleRemoved = "", true
		}
	}
	t.header, t.records.width, t.orders = h, len(h.names), make(map[string]bool)
	t.cols, _ = newColumns(h, layout) // columns that it cannot place are matched by name
}

// setNote applies the header of a note, which many rows of a report share.
func (t *tableRows) setNote(n *tableNote) {
	if n.known == nil {
		n.known = &tableRows{who: t.who}
		n.known.setHeader(&header{names: slices.Clone(n.Header)}, n.layout())
	}
	t.header, t.cols, t.titleRemoved, t.orders = n.known.header, n.known.cols, n.known.titleRemoved, make(map[string]bool)
	t.records.comma, t.records.width = n.layout().Comma, len(n.Header)
}

// noHeader starts a table without a header: its width is that of its first row.
func (t *tableRows) noHeader(all []byte, layout *Layout) error {
	first := ""
	for line := range bytes.Lines(all) {
		if first = strings.TrimRight(string(line), "\r\n"); strings.TrimSpace(first) != "" {
			break
		}
	}
	t.records.comma = cmp.Or(layout.Comma, separator(first))
	t.records.width = len(splitLoosely(first, t.records.comma, false))
	return t.records.open(bytes.NewReader(all), DefaultEventBytes)
}

// read adds the rows from the current position; all is the whole table.
func (t *tableRows) read(all []byte) error {
	from := int64(0)
	if t.header != nil {
		from = t.header.at
	}
	var rec *record // the row that begins at from; nil: the header
	for {
		next, err := t.records.next()
		to := next.at
		if errors.Is(err, io.EOF) {
			to = int64(len(all))
		} else if err != nil {
			return err
		}
		if from < to {
			t.add(rec, all[from:to])
		}
		if err != nil {
			return nil
		}
		from, rec = to, &next
	}
}

func (t *tableRows) add(rec *record, text []byte) {
	row := tableRow{text: text}
	switch {
	case rec == nil:
		row.gone = t.who.Text(string(text))
	case t.header == nil || rec.bad != nil || len(rec.cells) != len(t.header.names):
		row.gone = t.who.Cells(rec.cells) || t.matchesText(text)
	default:
		row.gone = t.matchesRow(rec.cells) || t.titleRemoved && t.matchesText(text)
		if t.cols.group != nil {
			t.order = cmp.Or(t.cols.text(t.cols.group, rec.cells), t.order)
			row.order = t.order
			t.orders[row.order] = t.orders[row.order] || row.gone
		}
	}
	t.rows = append(t.rows, row)
}

// matchesText matches text that is not a row of the table, also split into cells.
func (t *tableRows) matchesText(text []byte) bool {
	if t.who.Text(string(text)) {
		return true
	}
	for line := range bytes.Lines(text) {
		if t.who.Cells(splitLoosely(strings.TrimRight(string(line), "\r\n"), cmp.Or(t.records.comma, ','), false)) {
			return true
		}
	}
	return false
}

// matchesRow matches a row as the event it becomes, and by the names in the header.
func (t *tableRows) matchesRow(cells []string) bool {
	body, _ := t.cols.write(nil, [][]string{cells})
	if t.who.Event(body, "", time.Time{}) {
		return true
	}
	named := []byte{'{'}
	add := func(name, cell string) {
		if len(named) > 1 {
			named = append(named, ',')
		}
		named = quote(append(quote(named, name), ':'), cell)
	}
	var nameless []string
	for i, cell := range cells {
		if name := t.header.names[i]; name != "" {
			add(name, cell)
		} else {
			nameless = append(nameless, cell)
		}
	}
	for _, at := range [][]int{t.cols.id, t.cols.group} {
		if at != nil {
			add("order_id", t.cols.text(at, cells))
		}
	}
	return t.who.Event(append(named, '}'), "", time.Time{}) || t.who.Cells(nameless)
}
