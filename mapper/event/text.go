package event

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendText appends s as a JSON string. Text of a decoded event is valid UTF-8; in any other
// text invalid bytes become U+FFFD, because Meta would refuse them.
func AppendText(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}

// Quote returns s as a JSON string.
func Quote(s string) string { return string(AppendText(nil, s)) }

// Mask shows only the shape of a text or JSON value: letters as x or X, digits as 9. JSON stays
// valid: a quoted string is unescaped before it is masked.
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

// AppendNode appends a value as JSON. Numbers keep their original text.
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
