// Package screen makes untrusted text safe to show on a terminal: an event name or a line of a file
// cannot move the cursor, reverse the reading order or break a table. It imports no other package
// of relay.
package screen

import (
	"strings"
	"unicode"
)

// Line returns s as one line: line breaks and tabs become spaces, other characters that are not
// drawn become �.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
			return ' '
		}
		return Rune(r)
	}, s)
}

// Rune returns r if it is drawn, a tab or a newline, and � otherwise: for control characters and
// marks that change the reading order.
func Rune(r rune) rune {
	if r != '\t' && r != '\n' && !unicode.IsGraphic(r) {
		return unicode.ReplacementChar
	}
	return r
}
