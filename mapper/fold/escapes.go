package fold

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// unescape undoes one layer of the escapes of HTML (&#64;), URLs (%40, and %FC for Latin-1)
// and programs (\u0040, \x40, \100, \n). A stray % or \ does not change the text after it.
func unescape(text string) string {
	if strings.Contains(text, "&") && strings.Contains(text, ";") {
		text = html.UnescapeString(text)
	}
	if !strings.ContainsAny(text, `%\`) {
		return text
	}
	return replaceEscapes(text, func(s string) (unit rune, isByte bool, n int) {
		switch s[0] {
		case '%':
			if v, ok := parseHex(s, 1, 2); ok {
				return v, true, 3
			}
			if strings.HasPrefix(s, "%u") { // JavaScript's escape()
				if v, ok := parseHex(s, 2, 4); ok {
					return v, false, 6
				}
			}
		case '\\':
			return readBackslash(s)
		}
		return 0, false, 0
	})
}

// readBackslash reads an escape of JSON, JavaScript, C or Python at the start of s.
func readBackslash(s string) (unit rune, isByte bool, n int) {
	if len(s) < 2 {
		return 0, false, 0
	}
	switch c := s[1]; c {
	case 'n', 'r', 't', 'f', 'v', 'b':
		return ' ', false, 2
	case '"', '\'', '/', '\\':
		return rune(c), false, 2
	case 'x':
		v, ok := parseHex(s, 2, 2)
		if ok {
			return v, true, 4
		}
	case 'u':
		v, ok := parseHex(s, 2, 4)
		if ok {
			return v, false, 6
		}
		if end := strings.IndexByte(s[:min(len(s), len(`\u{10ffff}`))], '}'); end > 3 && s[2] == '{' {
			if v, ok := parseHex(s, 3, end-3); ok {
				return v, false, end + 1
			}
		}
	case 'U':
		v, ok := parseHex(s, 2, 8)
		if ok {
			return v, false, 10
		}
	case '0', '1', '2', '3':
		if len(s) > 3 && isOctal(s[2]) && isOctal(s[3]) {
			return rune(c-'0')<<6 | rune(s[2]-'0')<<3 | rune(s[3]-'0'), true, 4
		}
	}
	return 0, false, 0
}

func isOctal(b byte) bool { return '0' <= b && b <= '7' }

// decodeQuotedPrintable undoes quoted-printable (=40, =C3=BC, soft line breaks). Mail programs never encode
// letters and digits, so x=4711 in a link is kept.
func decodeQuotedPrintable(text string) string {
	if !strings.Contains(text, "=") {
		return text
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "=\r\n", ""), "=\n", "")
	return replaceEscapes(text, func(s string) (rune, bool, int) {
		if s[0] != '=' {
			return 0, false, 0
		}
		v, ok := parseHex(s, 1, 2)
		if !ok || v < ' ' && v != '\t' && v != '\n' && v != '\r' || v < utf8.RuneSelf && isAlphanumeric(byte(v)) {
			return 0, false, 0
		}
		return v, true, 3
	})
}

// replaceEscapes replaces each escape of a text. next reads the escape at the start of its argument: a
// code unit or a byte, and its length, 0 for none. Consecutive bytes are decoded as UTF-8, or
// as Windows-1252 if they are not valid UTF-8.
func replaceEscapes(text string, next func(string) (unit rune, isByte bool, n int)) string {
	var b strings.Builder
	done := 0
	var bytes []byte
	for i := 0; i < len(text); {
		if c := text[i]; c != '%' && c != '\\' && c != '=' {
			i++
			continue
		}
		unit, isByte, n := next(text[i:])
		if n == 0 {
			i++
			continue
		}
		b.WriteString(text[done:i])
		i += n
		if isByte {
			bytes = append(bytes[:0], byte(unit))
			for i < len(text) {
				unit, isByte, n := next(text[i:])
				if n == 0 || !isByte {
					break
				}
				bytes = append(bytes, byte(unit))
				i += n
			}
			writeBytes(&b, bytes)
		} else {
			if utf16.IsSurrogate(unit) && i < len(text) {
				if low, _, n := next(text[i:]); n > 0 && utf16.DecodeRune(unit, low) != utf8.RuneError {
					unit = utf16.DecodeRune(unit, low)
					i += n
				}
			}
			b.WriteRune(unit)
		}
		done = i
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

func writeBytes(b *strings.Builder, bytes []byte) {
	if utf8.Valid(bytes) {
		b.Write(bytes)
		return
	}
	for _, c := range bytes {
		b.WriteRune(charmap.Windows1252.DecodeByte(c))
	}
}

// parseHex parses s[from:from+n].
func parseHex(s string, from, n int) (v rune, ok bool) {
	if len(s) < from+n {
		return 0, false
	}
	u, err := strconv.ParseUint(s[from:from+n], 16, 31)
	return rune(u), err == nil
}
