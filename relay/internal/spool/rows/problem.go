package rows

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"relay/relay/internal/track"
)

// Problem is a row that cannot be used. As JSON it is a line of the report.
type Problem struct {
	Row     int64  `json:"row"`
	Line    int64  `json:"line,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
	// Text of the row, and what says how it is read when it is one of a table; only in
	// the report, which is for the file's owner, and there in a line of its own (Reading).
	Text  string     `json:"text,omitempty"`
	Table *tableNote `json:"table,omitempty"`
}

// readingCode is that of a line which says how the lines below it are read.
const readingCode = "table"

// Reading is the line of a report that says how the row is read; it holds for all rows
// below, until another one. p has it no more.
func (p *Problem) Reading() Problem {
	r := Problem{Code: readingCode, Message: "the columns of the rows below", Table: p.Table}
	if p.Table == nil {
		r.Message = "the rows below are no table"
	}
	p.Table = nil
	return r
}

func (p Problem) String() string {
	if p.Line == 0 { // JSON over several lines
		return fmt.Sprintf("row %d: %s", p.Row, p.Message)
	}
	return fmt.Sprintf("row %d (line %d): %s", p.Row, p.Line, p.Message)
}

// Problem is what the report has of a row; text is what it shows of it.
func (r *Row) Problem(why *track.Problem, text []byte) Problem {
	return Problem{Row: r.Number, Line: r.line, Code: why.Code, Message: why.Message, Text: string(text), Table: r.table}
}

// IsReport tells whether a file is a report: a wrong name must not cost somebody a file.
func IsReport(f io.ReaderAt) bool {
	head := make([]byte, len(reportBegin))
	n, _ := f.ReadAt(head, 0)
	return n == len(head) && string(head) == reportBegin
}

const reportBegin = `{"row":`

// problemIn is what a line of a report says; false: it is none, and may be an event.
func problemIn(line []byte) (p Problem, ok bool) {
	if !bytes.HasPrefix(line, []byte(reportBegin)) {
		return p, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return p, dec.Decode(&p) == nil && !dec.More()
}

// spareHeader is the line of a Reading without the names of columns that are about the
// person: a title that was taken for a header. The rows below are others' too.
func (p *Problem) spareHeader(line []byte, who Seeker) (left []byte, gone int) {
	if p.Table == nil {
		return line, 0
	}
	for i, name := range p.Table.Header {
		if name != "" && who.Text(name) {
			p.Table.Header[i], gone = "", 1
		}
	}
	if gone == 0 {
		return line, 0
	}
	left, _ = json.Marshal(p) // it was read from JSON
	return append(left, '\n'), gone
}

// about says whether a line of a report is about the person: the row that was refused is
// looked at as it is in its file.
func (p *Problem) about(who Seeker) bool {
	if who.Text(p.Message) {
		return true
	}
	t := tableRows{who: who}
	if p.Table == nil {
		if who.Event([]byte(p.Text), "", time.Time{}) {
			return true
		}
		if json.Valid([]byte(p.Text)) {
			return false
		}
		t.records.comma = separator(p.Text)
	} else {
		t.knowNote(p.Table)
	}
	if err := t.records.open(strings.NewReader(p.Text), DefaultEventBytes); err != nil {
		return true
	}
	if err := t.read([]byte(p.Text)); err != nil {
		return true
	}
	return slices.ContainsFunc(t.rows, func(row tableRow) bool { return row.gone })
}
