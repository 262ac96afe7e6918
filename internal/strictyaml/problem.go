package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"relay/internal/screen"
)

// Problem is one mistake at its position in the file or, with Warning, something legal
// but suspicious.
type Problem struct {
	File    string
	Line    int // from 1
	Column  int // in characters, from 1
	Message string
	Hint    string // the fix, such as `did you mean "listen"?`; can be empty
	Warning bool
	Source  string // the source line; can be empty
}

// Error returns "file:line:column: message".
func (p Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// maxSourceColumns is the number of columns of a source line that Render shows.
const maxSourceColumns = 90

// Render returns the error with its source line, a caret below the place, and
// the hint:
//
//	relay.yaml:3:1: unknown key "lsten"
//	  3 | lsten: 127.0.0.1:8585
//	    | ^
//	    = did you mean "listen"?
//
// It has no trailing newline. A warning is marked as such. Control characters of the
// source are shown as �, so that a file cannot control the terminal.
func (p Problem) Render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Warning {
		b.WriteString("warning: ")
	}
	b.WriteString(strings.Map(screen.Rune, p.Message))
	margin := "  "
	if strings.TrimSpace(p.Source) != "" {
		number := fmt.Sprintf("  %d", p.Line)
		margin = strings.Repeat(" ", len(number))
		text, caret := excerpt(p.Source, p.Column)
		fmt.Fprintf(&b, "\n%s | %s\n%s | %s^", number, text, margin, caret)
	}
	if p.Hint != "" {
		fmt.Fprintf(&b, "\n%s = %s", margin, p.Hint)
	}
	return b.String()
}

// excerpt returns the part of a source line around column, and the spaces that put a
// caret below that column.
func excerpt(source string, column int) (text, blanks string) {
	runes := []rune(strings.TrimRight(source, "\r\n"))
	at := min(max(column-1, 0), len(runes))
	from, to := 0, len(runes)
	if len(runes) > maxSourceColumns {
		from = max(0, min(at-maxSourceColumns/2, len(runes)-maxSourceColumns))
		to = min(len(runes), from+maxSourceColumns)
	}
	var t, c strings.Builder
	if from > 0 {
		t.WriteString("…")
		c.WriteString(" ")
	}
	for i := from; i < to; i++ {
		r := runes[i]
		t.WriteRune(screen.Rune(r))
		if i < at {
			if r != '\t' {
				r = ' '
			}
			c.WriteRune(r)
		}
	}
	if to < len(runes) {
		t.WriteString("…")
	}
	return t.String(), c.String()
}

// Problems is every problem of a file. It is an error.
type Problems []Problem

// Error returns every problem's "file:line:column: message", one a line, in
// the order of the file.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps))
	for _, p := range ps.sorted() {
		lines = append(lines, p.Error())
	}
	return strings.Join(lines, "\n")
}

// Render returns every problem with source line, caret and hint, in the order
// of the file, an empty line between two.
func (ps Problems) Render() string {
	parts := make([]string, 0, len(ps))
	for _, p := range ps.sorted() {
		parts = append(parts, p.Render())
	}
	return strings.Join(parts, "\n\n")
}

func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}
