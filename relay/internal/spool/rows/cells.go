package rows

import (
	"strings"
	"unicode/utf8"
)

// rowScanner splits the lines of one row into cells. It is strict, except for quotes inside
// unquoted cells, which are text, and white space around quoted ones.
type rowScanner struct {
	comma rune
	cells []string
	cell  strings.Builder
	in    cellState
	bad   bool // there is text after a closing quote
}

// cellState is the state of a rowScanner.
type cellState int

const (
	unquoted   cellState = iota // in an unquoted cell
	quoted                      // between quotes
	afterQuote                  // after the closing quote
)

// line scans one more line and reports whether a quote is still open.
func (s *rowScanner) line(text string) (open bool) {
	if s.in == quoted {
		s.cell.WriteByte('\n')
	}
	for i, c := range text {
		switch {
		case s.in == quoted && c == '"':
			s.in = afterQuote
		case s.in == quoted:
			s.cell.WriteRune(c)
		case s.in == afterQuote && c == '"' && i > 0 && text[i-1] == '"': // a doubled quote
			s.cell.WriteByte('"')
			s.in = quoted
		case c == s.comma:
			s.end()
		case s.in == afterQuote:
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

func (s *rowScanner) end() {
	s.cells = append(s.cells, s.cell.String())
	s.cell.Reset()
	s.in = unquoted
}

// fitsWidth reports whether cells are a row of this width: any extra cells are blank. Width 0
// accepts any number.
func fitsWidth(cells []string, width int) bool {
	return width == 0 || len(cells) == width || len(cells) > width && blank(cells[width:])
}

// splitLeniently splits a line whose quotes are not doubled, in the first way that results in
// the width.
func splitLeniently(text string, comma rune, width int) ([]string, bool) {
	if !strings.Contains(text, `"`) {
		return nil, false
	}
	if strings.Contains(text, `\"`) { // the escape of MySQL and PHP
		s := rowScanner{comma: comma}
		if open := s.line(strings.ReplaceAll(text, `\"`, `""`)); !open && !s.bad && fitsWidth(s.cells, width) {
			return s.cells, true
		}
	}
	for _, final := range []bool{false, true} {
		if cells := splitLoosely(text, comma, final); fitsWidth(cells, width) {
			return cells, true
		}
	}
	return nil, false
}

// splitLoosely ends a quoted cell at a quote before a separator or the end of the line. With
// final a doubled quote in that position ends it too.
func splitLoosely(text string, comma rune, final bool) (cells []string) {
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

// plainCell returns the content of a cell without the marks with which spreadsheets keep it
// text: ="01101" and a leading apostrophe. asText reports such a mark.
func plainCell(c string) (plain string, asText bool) {
	c = strings.TrimSpace(c)
	switch c {
	case `\N`, "NULL", "null", "(null)", "<null>", "#N/A":
		return "", false // empty values of databases and spreadsheets
	}
	if strings.HasPrefix(c, `="`) && strings.HasSuffix(c, `"`) && len(c) > 2 {
		return strings.TrimSpace(strings.ReplaceAll(c[2:len(c)-1], `""`, `"`)), true
	}
	if rest, ok := strings.CutPrefix(c, "'"); ok && rest != "" && isTextMark(rest) {
		return rest, true
	}
	return c, false
}

// isTextMark reports whether an apostrophe before s is a mark: before a number, which it keeps
// as text, or before something that a spreadsheet would take for a formula. In 'n Beetje and
// '90s it is part of the text.
func isTextMark(s string) bool {
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
