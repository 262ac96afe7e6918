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

// Problem is an unusable row. Its JSON is a line of the report.
type Problem struct {
	Row     int64  `json:"row"`
	Line    int64  `json:"line,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
	// Text of the row, and how to read it if it is a table's. Only the report has them, which
	// is for the file's owner; there Table is in a line of its own (Reading).
	Text  string     `json:"text,omitempty"`
	Table *tableNote `json:"table,omitempty"`
}

// readingCode marks a line that describes how the rows below it are read.
const readingCode = "table"

// Reading returns the report line that describes how the row is read. It applies to all rows
// below until the next one. It clears p.Table.
func (p *Problem) Reading() Problem {
	r := Problem{Code: readingCode, Message: "the columns of the rows below", Table: p.Table}
	if p.Table == nil {
		r.Message = "the rows below are not a table"
	}
	p.Table = nil
	return r
}

func (p Problem) String() string {
	if p.Line == 0 { // JSON that spans several lines
		return fmt.Sprintf("row %d: %s", p.Row, p.Message)
	}
	return fmt.Sprintf("row %d (line %d): %s", p.Row, p.Line, p.Message)
}

// Problem returns the report line of a row, with text as the row's text.
func (r *Row) Problem(why *track.Problem, text []byte) Problem {
	return Problem{Row: r.Number, Line: r.line, Code: why.Code, Message: why.Message, Text: string(text), Table: r.table}
}

// IsReport reports whether a file is a report, so that a misnamed file is never treated as one.
func IsReport(f io.ReaderAt) bool {
	head := make([]byte, len(reportBegin))
	n, _ := f.ReadAt(head, 0)
	return n == len(head) && string(head) == reportBegin
}

const reportBegin = `{"row":`

// problemIn parses a line of a report; false: it is not one and can be an event.
func problemIn(line []byte) (p Problem, ok bool) {
	if !bytes.HasPrefix(line, []byte(reportBegin)) {
		return p, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return p, dec.Decode(&p) == nil && !dec.More()
}

// removeFromHeader removes names that match the person from the header in a Reading line: it can
// be a title that was taken for a header. The rows below can be other people's.
func (p *Problem) removeFromHeader(line []byte, who Matcher) (left []byte, gone int) {
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
	left, _ = json.Marshal(p) // it was parsed from JSON
	return append(left, '\n'), gone
}

// matches reports whether a line of a report is about the person. The refused row is matched as
// it is in its file.
func (p *Problem) matches(who Matcher) bool {
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
		t.setNote(p.Table)
	}
	if err := t.records.open(strings.NewReader(p.Text), DefaultEventBytes); err != nil {
		return true
	}
	if err := t.read([]byte(p.Text)); err != nil {
		return true
	}
	return slices.ContainsFunc(t.rows, func(row tableRow) bool { return row.gone })
}
