package rows

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"relay/relay/internal/track"
)

// records reads the rows of a table. A fault costs the line it is in alone: a
// quote that never closes takes no other row along.
type records struct {
	in     *textLines
	comma  rune
	width  int  // of the header; 0: it is next
	named  bool // the header's last column has a name
	seen   bool // a row of it
	shut   bool // and neither has cells behind that column: a row that has is cut at the wrong places
	most   int  // bytes of one row
	budget int  // bytes that may be read in search of a closing quote, and put back
}

// budgetFactor: a byte of the file may be read so many times in such searches.
const budgetFactor = 16

// next is the next row, blank ones too; io.EOF behind the last.
func (r *records) next() (record, error) {
	first, err := r.in.next()
	if err != nil {
		return record{}, err
	}
	rec := record{line: first.number, at: first.at, text: first.text}
	r.budget = min(r.budget+budgetFactor*(len(first.text)+1), 2*r.most)
	if first.long {
		rec.text = first.text[:min(len(first.text), 1024)]
		rec.bad = &track.Problem{Code: track.TooLarge.Code, Message: "the row is longer than any event may be"}
		return rec, nil
	}
	if !strings.Contains(first.text, `"`) {
		if strings.TrimSpace(first.text) != "" {
			rec.cells = strings.Split(first.text, string(r.comma))
		}
		if rec.cells != nil && !r.fits(rec.cells) {
			rec.bad = r.wrongColumns(len(rec.cells))
		}
		rec.cells = r.cut(rec.cells)
		return rec, nil
	}
	s := scan{comma: r.comma}
	lines := []textLine{first}
	size := len(first.text)
	for open := s.line(first.text); open; {
		more, err := r.in.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return record{}, err
		}
		if size += len(more.text); err != nil || more.long || size > min(r.most, r.budget) || s.bad {
			if err == nil {
				r.in.back([]textLine{more})
			}
			s.bad = true
			break
		}
		lines = append(lines, more)
		open = s.line(more.text)
	}
	if !s.bad && r.fits(s.cells) {
		rec.text, rec.cells = textOf(lines), r.cut(s.cells)
		return rec, nil
	}
	if cells, ok := lenient(first.text, r.comma, r.width); ok && r.width > 0 && r.fits(cells) {
		r.back(lines[1:])
		rec.cells = r.cut(cells)
		return rec, nil
	}
	if !s.bad && !r.swallowed(lines[1:]) {
		rec.text = textOf(lines)
		rec.bad = r.wrongColumns(len(s.cells))
		return rec, nil
	}
	r.back(lines[1:])
	rec.bad = &track.Problem{Code: "invalid_csv", Message: "a quote opens a cell and does not close it: a quote within a quoted cell is written twice"}
	return rec, nil
}

func (r *records) wrongColumns(n int) *track.Problem {
	why := fmt.Sprintf("the row has %d cells, the header %d", n, r.width)
	if n > r.width {
		why += fmt.Sprintf(": a cell that holds %q must be quoted, or the separator another one", r.comma)
	}
	return &track.Problem{Code: "wrong_columns", Message: why}
}

// back puts lines back that a search went through in vain.
func (r *records) back(lines []textLine) {
	for _, l := range lines {
		r.budget -= len(l.text) + 1
	}
	r.in.back(lines)
}

// fits tells whether cells are a row of the table: "5,00" without quotes makes one
// cell too many, and where the last one is blank that alone tells.
func (r *records) fits(cells []string) bool {
	return fits(cells, r.width) && (!r.shut || len(cells) == r.width)
}

// cut leaves out the blank cells behind the last column.
func (r *records) cut(cells []string) []string {
	if r.width > 0 && !r.seen && !blank(cells) {
		r.seen, r.shut = true, r.named && len(cells) == r.width
	}
	if r.width > 0 && len(cells) > r.width {
		return cells[:r.width]
	}
	return cells
}

// swallowed tells whether one of the lines that a quote has taken along is a row
// by itself.
func (r *records) swallowed(lines []textLine) bool {
	for _, l := range lines {
		s := scan{comma: r.comma}
		if open := s.line(l.text); !open && !s.bad && len(s.cells) == r.width && r.width > 1 {
			return true
		}
	}
	return false
}

func textOf(lines []textLine) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.text
	}
	return strings.Join(texts, "\n")
}
