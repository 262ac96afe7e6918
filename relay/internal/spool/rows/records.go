package rows

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"relay/relay/internal/track"
)

// records reads the rows of a table. A fault costs only its own line: a quote that never closes
// does not swallow other rows.
type records struct {
	in         *textLines
	comma      rune
	width      int  // of the header; 0: the header is read next
	named      bool // the header's last column has a name
	seen       bool // a row of it has been read
	exactWidth bool // header and first row have no cells after the last column: a row that has some was split wrongly
	most       int  // size limit of a row
	budget     int  // bytes that can be read in search of a closing quote and put back
}

// budgetFactor is how many times a byte of the file can be read in such searches.
const budgetFactor = 16

// next returns the next row, blank ones too; io.EOF after the last.
func (r *records) next() (record, error) {
	first, err := r.in.next()
	if err != nil {
		return record{}, err
	}
	rec := record{line: first.number, at: first.at, text: first.text}
	r.budget = min(r.budget+budgetFactor*(len(first.text)+1), 2*r.most)
	if first.long {
		rec.text = first.text[:min(len(first.text), 1024)]
		rec.bad = &track.Problem{Code: track.TooLarge.Code, Message: "the row is longer than any event can be"}
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
	s := rowScanner{comma: r.comma}
	lines := []textLine{first}
	size := len(first.text)
	for open := s.line(first.text); open; {
		more, err := r.in.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return record{}, err
		}
		if size += len(more.text); err != nil || more.long || size > min(r.most, r.budget) || s.bad {
			if err == nil {
				r.in.putBack([]textLine{more})
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
	if cells, ok := splitLeniently(first.text, r.comma, r.width); ok && r.width > 0 && r.fits(cells) {
		r.putBack(lines[1:])
		rec.cells = r.cut(cells)
		return rec, nil
	}
	if !s.bad && !r.swallowed(lines[1:]) {
		rec.text = textOf(lines)
		rec.bad = r.wrongColumns(len(s.cells))
		return rec, nil
	}
	r.putBack(lines[1:])
	rec.bad = &track.Problem{Code: "invalid_csv", Message: "a quote opens a cell and is never closed: double a quote within a quoted cell"}
	return rec, nil
}

func (r *records) wrongColumns(n int) *track.Problem {
	why := fmt.Sprintf("the row has %d cells, the header %d", n, r.width)
	if n > r.width {
		why += fmt.Sprintf(": quote cells that contain %q, or set another separator", r.comma)
	}
	return &track.Problem{Code: "wrong_columns", Message: why}
}

// putBack puts lines back after a search without result.
func (r *records) putBack(lines []textLine) {
	for _, l := range lines {
		r.budget -= len(l.text) + 1
	}
	r.in.putBack(lines)
}

// fits reports whether cells are a row of the table. An unquoted "5,00" makes one cell too many,
// which only the width shows if the last cell is blank.
func (r *records) fits(cells []string) bool {
	return fitsWidth(cells, r.width) && (!r.exactWidth || len(cells) == r.width)
}

// cut drops blank cells after the last column.
func (r *records) cut(cells []string) []string {
	if r.width > 0 && !r.seen && !blank(cells) {
		r.seen, r.exactWidth = true, r.named && len(cells) == r.width
	}
	if r.width > 0 && len(cells) > r.width {
		return cells[:r.width]
	}
	return cells
}

// swallowed reports whether one of the lines that a quote spans is a row by itself.
func (r *records) swallowed(lines []textLine) bool {
	for _, l := range lines {
		s := rowScanner{comma: r.comma}
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
		h.text, h.line, h.at = rec.text, rec.line, rec.at
		r.width, r.named = len(rec.cells), h.names[len(h.names)-1] != ""
		return h, nil
	}
}
