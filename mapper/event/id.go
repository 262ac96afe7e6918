package event

import (
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// IDText is an id as text: trimmed text without characters that nobody sees,
// or a number as decimal text.
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
