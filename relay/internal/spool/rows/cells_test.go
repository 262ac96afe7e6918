package rows

import (
	"slices"
	"strings"
	"testing"
)

// A line is split strictly, or with quotes that are not doubled, into cells of the width.
func TestSplitLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line  string
		comma rune
		width int
		want  string // cells joined by |; "" if the line cannot be split
	}{
		{`a,b,c`, ',', 3, `a|b|c`},
		{`"a","b,c","d ""e"""`, ',', 3, `a|b,c|d "e"`},
		{` "a" ,	"b"	,c`, ',', 3, `a|b|c`},
		{`6" nail,b`, ',', 2, `6" nail|b`},
		{`"6" nail",b`, ',', 2, `6" nail|b`},
		{`"say \"hi\", you",b`, ',', 2, `say "hi", you|b`},
		{`"a",b,,`, ',', 2, `a|b||`},
		{`"",""`, ',', 2, `|`},
		{`"a";"b"`, ';', 2, `a|b`},
		{"\"a\"\t\"b\"", '\t', 2, `a|b`},
		{`"a,b`, ',', 2, ``},
		{`"a",b`, ',', 3, ``},
	} {
		s := rowScanner{comma: c.comma}
		cells := []string(nil)
		if open := s.line(c.line); !open && !s.bad && fitsWidth(s.cells, c.width) {
			cells = s.cells
		} else if lenient, ok := splitLeniently(c.line, c.comma, c.width); ok {
			cells = lenient
		}
		if got := strings.Join(cells, "|"); got != c.want {
			t.Errorf("%s: cells %q, want %q", c.line, got, c.want)
		}
	}
}

// Marks of spreadsheets are removed from a cell, and keep it text.
func TestPlainCell(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cell, want string
		text       bool
	}{
		{` a `, `a`, false},
		{`="01101"`, `01101`, true},
		{`="a""b"`, `a"b`, true},
		{`'01101`, `01101`, true},
		{`'+49 221 5550123`, `+49 221 5550123`, true},
		{`'=SUM(A1)`, `=SUM(A1)`, true},
		{`'n Beetje`, `'n Beetje`, false},
		{`'90s`, `'90s`, false},
		{`'`, `'`, false},
		{`=1+1`, `=1+1`, false},
		{`\N`, ``, false},
		{`NULL`, ``, false},
		{`null`, ``, false},
		{`(null)`, ``, false},
		{`#N/A`, ``, false},
		{`Null`, `Null`, false}, // a surname
	} {
		if got, text := plainCell(c.cell); got != c.want || text != c.text {
			t.Errorf("plainCell(%q) = %q, %t, want %q, %t", c.cell, got, text, c.want, c.text)
		}
	}
}

// Lines end with LF or CRLF, or with CR if the first one does. Lines that are put back come again.
func TestTextLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"a\nb\r\nc", "a|b|c"},
		{"a\rb\r\n\rc\r", "a|b||c"},
		{"a\r\nb\rc\n", "a|b\rc"},
		{"\n\na", "||a"},
		{"", ""},
		{"0123456789abc\nx", "0123456789…|x"},
	} {
		l, err := newTextLines(strings.NewReader(c.text), 10)
		if err != nil {
			t.Fatal(err)
		}
		var lines []textLine
		for {
			line, err := l.next()
			if err != nil {
				break
			}
			lines = append(lines, line)
		}
		l.putBack(lines)
		var got []string
		for i := range lines {
			line, err := l.next()
			if err != nil || line.number != int64(i+1) || !strings.HasPrefix(c.text[line.at:], line.text) {
				t.Errorf("%q: line %d: %+v, %v", c.text, i+1, line, err)
			}
			if line.long {
				line.text += "…"
			}
			got = append(got, line.text)
		}
		if !slices.Equal(got, strings.Split(c.want, "|")) && (len(got) > 0 || c.want != "") {
			t.Errorf("%q: lines %q, want %q", c.text, got, c.want)
		}
	}
}
