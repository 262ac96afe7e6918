package rows

import (
	"strings"
	"unicode/utf8"
)

// scan takes the lines of one row apart, strictly but for quotes inside cells
// that are not quoted, which are text, and white space around quoted ones.
type scan struct {
	comma rune
	cells []string
	cell  strings.Builder
	in    cellState
	bad   bool // something stands behind a closing quote
}

// cellState is where in a row a scan is.
type cellState int

const (
	outside cellState = iota // in a cell that is not quoted
	quoted                   // between the quotes
	behind                   // behind the closing one
)

// line goes through one more line and says whether a quote is still open.
func (s *scan) line(text string) (open bool) {
	if s.in == quoted {
		s.cell.WriteByte('\n')
	}
	for i, c := range text {
		switch {
		case s.in == quoted && c == '"':
			s.in = behind
		case s.in == quoted:
			s.cell.WriteRune(c)
		case s.in == behind && c == '"' && i > 0 && text[i-1] == '"': // a doubled one
			s.cell.WriteByte('"')
			s.in = quoted
		case c == s.comma:
			s.end()
		case s.in == behind:
			s.bad = s.bad || c != ' ' && c != '\t'
		case c == '"' && strings.TrimSpace(s.cell.String()) == "":
			s.cell.Reset()
			s.in = quoted
		default:
			s.cell.WriteRune(c)
		}
	}
	if s.in == quoted {
		return true
	}
	s.end()
	return false
}

func (s *scan) end() {
	s.cells = append(s.cells, s.cell.String())
	s.cell.Reset()
	s.in = outside
}

// fits tells whether cells are those of a table so wide: those over it are blank.
// 0: any number.
func fits(cells []string, width int) bool {
	return width == 0 || len(cells) == width || len(cells) > width && blank(cells[width:])
}

// lenient reads a line whose quotes are not doubled, in the first way that
// makes it so wide.
func lenient(text string, comma rune, width int) ([]string, bool) {
	if !strings.Contains(text, `"`) {
		return nil, false
	}
	if strings.Contains(text, `\"`) { // as MySQL and PHP write them
		s := scan{comma: comma}
		if open := s.line(strings.ReplaceAll(text, `\"`, `""`)); !open && !s.bad && fits(s.cells, width) {
			return s.cells, true
		}
	}
	for _, final := range []bool{false, true} {
		if cells := loose(text, comma, final); fits(cells, width) {
			return cells, true
		}
	}
	return nil, false
}

// loose ends a quoted cell at a quote before a separator or the end of the line.
// A doubled one there ends it too when final is set.
func loose(text string, comma rune, final bool) (cells []string) {
	sep := string(comma)
	for {
		head := strings.TrimLeft(text, " \t")
		if !strings.HasPrefix(head, `"`) {
			cell, rest, more := strings.Cut(text, sep)
			cells = append(cells, cell)
			if !more {
				return cells
			}
			text = rest
			continue
		}
		var b strings.Builder
		rest, ended := head[1:], false
		for rest != "" && !ended {
			c, n := utf8.DecodeRuneInString(rest)
			next := rest[n:]
			switch {
			case c == '"' && strings.HasPrefix(next, `"`):
				b.WriteByte('"')
				rest = next[1:]
				ended = final && (rest == "" || strings.HasPrefix(rest, sep))
			case c == '"' && (next == "" || strings.HasPrefix(next, sep)):
				rest, ended = next, true
			default:
				b.WriteString(rest[:n])
				rest = next
			}
		}
		cells = append(cells, b.String())
		if rest == "" {
			return cells
		}
		text = rest[len(sep):]
	}
}

// plainCell is what a cell says without the marks that spreadsheets put around
// what must stay text: ="01101" and a leading apostrophe. asText tells that there
// was such a mark.
func plainCell(c string) (plain string, asText bool) {
	c = strings.TrimSpace(c)
	switch c {
	case `\N`, "NULL", "null", "(null)", "<null>", "#N/A":
		return "", false // what databases and spreadsheets write for nothing
	}
	if strings.HasPrefix(c, `="`) && strings.HasSuffix(c, `"`) && len(c) > 2 {
		return strings.TrimSpace(strings.ReplaceAll(c[2:len(c)-1], `""`, `"`)), true
	}
	if rest, ok := strings.CutPrefix(c, "'"); ok && rest != "" && marked(rest) {
		return rest, true
	}
	return c, false
}

// marked tells whether an apostrophe before s is a mark: before a number, which it
// keeps from being one, or before what a spreadsheet would take for a formula. That
// of 'n Beetje or '90s is part of the name.
func marked(s string) bool {
	if strings.IndexByte("=+-@", s[0]) >= 0 {
		return true
	}
	return strings.Trim(s, "0123456789 +-()./,:") == "" && strings.ContainsAny(s, "0123456789")
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}
