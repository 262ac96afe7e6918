// Package screen makes text that came from elsewhere safe to show on a
// terminal: an event name or a line of a file cannot move the cursor, turn the
// reading order or break a table. It imports nothing of relay's.
package screen

import (
	"strings"
	"unicode"
)

// Line returns s as one line: what breaks lines or steps columns becomes a
// blank, everything else that is not drawn becomes �.
func Line(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
			return ' '
		}
		return Rune(r)
	}, s)
}

// Rune returns r where it is drawn or is a tab or newline, else �: controls
// of both sets, and marks that turn the reading order.
func Rune(r rune) rune {
	if r != '\t' && r != '\n' && !unicode.IsGraphic(r) {
		return unicode.ReplacementChar
	}
	return r
}
