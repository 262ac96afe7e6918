package event

import (
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// IDText returns an id as text: trimmed text without invisible characters, or a number in
// decimal form. It reports false if there is none.
func (n *Node) IDText() (string, bool) {
	text, ok := n.ScalarText()
	text = strings.TrimSpace(text)
	if !fold.IsPlainASCII(text) {
		text = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) || unicode.IsControl(r) || fold.IsInvisible(r) {
				return -1
			}
			return r
		}, text))
	}
	return text, ok && text != ""
}
