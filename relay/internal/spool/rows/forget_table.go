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

// filterTable takes a table with a header, or a text that is none. A row is looked at
// as the event that is stored of it; where one row of an order is about the person, all
// rows of the order are.
func filterTable(in io.Reader, kept io.Writer, layout *Layout, who Seeker) (gone int, err error) {
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
			t.rows = append(t.rows, tableRow{text: line, gone: t.aboutLoose(line)})
		}
		t.know(h, layout)
	}
	if err := t.read(all); err != nil {
		return 0, err
	}
	for _, row := range t.rows {
		if t.goes(&row) {
			gone++
		} else if _, err := kept.Write(row.text); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// tableRows are the rows of a table with what Forget finds in them. The table is read as
// an import reads it.
type tableRows struct {
	who     Seeker
	records records
	header  *header  // nil: there is none that can be read
	cols    *columns // what they fill; without, the names of the header say what stands where
	titled  bool     // a name of the header was about the person
	rows    []tableRow
	orders  map[string]bool // those that are about the person
	order   string          // of the row above
}

type tableRow struct {
	text  []byte // as it stands there, with what ends it
	order string
	gone  bool
}

func (t *tableRows) goes(row *tableRow) bool {
	return row.gone || row.order != "" && t.orders[row.order]
}

// know takes the header into account. A name in it that is about the person goes with the
// header and is none of the rows': a title that is taken for a header stands over neighbours.
func (t *tableRows) know(h *header, layout *Layout) {
	for i, name := range h.names {
		if t.who.Text(name) {
			h.names[i], t.titled = "", true
		}
	}
	t.header, t.records.width, t.orders = h, len(h.names), make(map[string]bool)
	t.cols, _ = newColumns(h, layout) // what it cannot place, the names say
}

// knowNote takes the header of a note into account, which is that of many rows.
func (t *tableRows) knowNote(n *tableNote) {
	if n.known == nil {
		n.known = &tableRows{who: t.who}
		n.known.know(&header{names: slices.Clone(n.Header)}, n.layout())
	}
	t.header, t.cols, t.titled, t.orders = n.known.header, n.known.cols, n.known.titled, make(map[string]bool)
	t.records.comma, t.records.width = n.layout().Comma, len(n.Header)
}

// noHeader begins a table without a header: it is as wide as its first row.
func (t *tableRows) noHeader(all []byte, layout *Layout) error {
	first := ""
	for line := range bytes.Lines(all) {
		if first = strings.TrimRight(string(line), "\r\n"); strings.TrimSpace(first) != "" {
			break
		}
	}
	t.records.comma = cmp.Or(layout.Comma, separator(first))
	t.records.width = len(loose(first, t.records.comma, false))
	return t.records.open(bytes.NewReader(all), DefaultEventBytes)
}

// read takes the rows from where the table has been read to; all is all of the table.
func (t *tableRows) read(all []byte) error {
	from := int64(0)
	if t.header != nil {
		from = t.header.at
	}
	var rec *record // of the row that begins at from; nil: the header
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
		row.gone = t.who.Cells(rec.cells) || t.aboutLoose(text)
	default:
		row.gone = t.about(rec.cells) || t.titled && t.aboutLoose(text)
		if t.cols.group != nil {
			t.order = cmp.Or(t.cols.text(t.cols.group, rec.cells), t.order)
			row.order = t.order
			t.orders[row.order] = t.orders[row.order] || row.gone
		}
	}
	t.rows = append(t.rows, row)
}

// aboutLoose looks at a text that is no row of the table, as if it were one of another.
func (t *tableRows) aboutLoose(text []byte) bool {
	if t.who.Text(string(text)) {
		return true
	}
	for line := range bytes.Lines(text) {
		if t.who.Cells(loose(strings.TrimRight(string(line), "\r\n"), cmp.Or(t.records.comma, ','), false)) {
			return true
		}
	}
	return false
}

// about looks at a row as the event that it is, and by the names of the header.
func (t *tableRows) about(cells []string) bool {
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
