package event

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendText writes text as a JSON string. Every text of a decoded event is
// valid UTF-8, so it cannot fail; were it not, Meta's reader would refuse it.
func AppendText(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}

// Quote is text as a JSON string.
func Quote(s string) string { return string(AppendText(nil, s)) }

// Mask shows a text, or JSON, by its shape: letters as x or X, digits as 9. JSON stays JSON: a text in quotes is masked
// by what it says, not by how it is escaped.
func Mask(s string) string {
	var text string
	if strings.HasPrefix(s, `"`) && json.Unmarshal([]byte(s), &text) == nil {
		return Quote(Mask(text))
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsUpper(r):
			return 'X'
		case unicode.IsLetter(r), unicode.Is(unicode.M, r), unicode.Is(unicode.So, r):
			return 'x'
		case unicode.IsNumber(r):
			return '9'
		}
		return r
	}, s)
}

// AppendNode writes a value as JSON, numbers as they came.
func AppendNode(dst []byte, n *Node) []byte {
	switch n.Kind {
	case Null:
		return append(dst, "null"...)
	case False:
		return append(dst, "false"...)
	case True:
		return append(dst, "true"...)
	case Text:
		return AppendText(dst, n.Text)
	case Number:
		return append(dst, n.Text...)
	}
	dst = append(dst, byte(n.Kind))
	for i := range n.Kids {
		if i > 0 {
			dst = append(dst, ',')
		}
		if n.Kind == Object {
			dst = append(AppendText(dst, n.Kids[i].Name), ':')
		}
		dst = AppendNode(dst, &n.Kids[i])
	}
	return append(dst, byte(n.Kind)+2) // '}' follows '{' by two, as ']' does '['
}
