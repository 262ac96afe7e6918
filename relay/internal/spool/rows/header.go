package rows

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

var sepLine = regexp.MustCompile(`(?i)^"?sep=(.)"?$`)

// open starts to read a table without a header, or with a known one.
func (r *records) open(in io.Reader, eventBytes int) (err error) {
	r.most, r.budget = 4*eventBytes+1<<16, 8*eventBytes
	r.in, err = newTextLines(in, r.most)
	return err
}

// begin reads up to the header of a table and detects the separator. It returns nil if the table
// is empty. eventBytes is the size limit of an event.
func (r *records) begin(in io.Reader, l *Layout, eventBytes int) (h *header, err error) {
	if err := r.open(in, eventBytes); err != nil {
		return nil, err
	}
	comma := l.Comma
	for {
		line, err := r.in.next()
		if errors.Is(err, io.EOF) {
			if l.HeaderRow > 0 {
				return nil, fmt.Errorf("the file has no line %d", l.HeaderRow)
			}
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if m := sepLine.FindStringSubmatch(strings.Trim(line.text, " ")); m != nil && line.number == 1 { // Excel's separator line
			if l.Comma == 0 {
				comma = []rune(m[1])[0]
			}
			if l.HeaderRow != 1 {
				continue
			}
		}
		if line.number < int64(l.HeaderRow) || l.HeaderRow == 0 && strings.TrimSpace(line.text) == "" {
			continue
		}
		if strings.Contains(line.text, "\x00") {
			return nil, errors.New("it contains NUL bytes, which text does not")
		}
		if r.comma = comma; comma == 0 {
			r.comma = separator(line.text)
		}
		r.in.putBack([]textLine{line})
		rec, err := r.next()
		if err != nil {
			return nil, err
		}
		if rec.bad != nil {
			return nil, fmt.Errorf("line %d: %s", rec.line, rec.bad.Message)
		}
		if kind := data(rec.cells); kind != "" {
			return nil, fmt.Errorf("line %d is not a header, it contains %s: the first line must name the columns (--header-row sets the line of the header)", rec.line, kind)
		}
		if blank(rec.cells) {
			return nil, fmt.Errorf("line %d is not a header, it is blank (--header-row sets the line of the header)", rec.line)
		}
		h = newHeader(rec.cells)
		h.at, r.width, r.named = rec.at, len(rec.cells), h.names[len(h.names)-1] != ""
		return h, nil
	}
}

// tableNote is what is needed to read single rows of a table. Its JSON is part of a line of the
// report.
type tableNote struct {
	Header    []string `json:"header"` // column names
	Separator string   `json:"separator"`
	Columns   []Column `json:"columns,omitempty"` // this and the fields below as in Layout
	Event     string   `json:"event,omitempty"`
	GroupBy   string   `json:"group_by,omitempty"`
	ID        string   `json:"id,omitempty"`

	known *tableRows // result of tableRows.setHeader, shared by all rows read with this note
}

func noteOf(h *header, comma rune, l *Layout) *tableNote {
	return &tableNote{Header: h.names, Separator: string(comma), Columns: l.Columns, Event: l.Event, GroupBy: l.GroupBy, ID: l.ID}
}

// layout returns the Layout that the note was made from, as far as it is known.
func (n *tableNote) layout() *Layout {
	comma, _ := utf8.DecodeRuneInString(n.Separator)
	return &Layout{Columns: n.Columns, Event: n.Event, GroupBy: n.GroupBy, ID: n.ID, Comma: comma}
}
