package fold

import (
	"html"
	"strconv"
	"strings"
)

// Unescaped is text with the sequences that HTML (&#64;), URLs (%40) and JSON
// (\u0061) write letters as turned into these: one layer of them.
func Unescaped(text string) string {
	if strings.Contains(text, "&") && strings.Contains(text, ";") {
		text = html.UnescapeString(text)
	}
	if !strings.ContainsAny(text, `%\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		if text[i] == '\\' && i+5 < len(text) && text[i+1] == 'u' {
			if v, err := strconv.ParseUint(text[i+2:i+6], 16, 16); err == nil {
				b.WriteRune(rune(v))
				i += 6
				continue
			}
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}
