package rows

import "unicode/utf8"

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
