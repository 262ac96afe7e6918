package track

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/encoding/charmap"
)

// unquote appends the text of a quoted JSON string to dst.
func unquote(dst, quoted []byte) []byte {
	dst, _ = jsontext.AppendUnquote(dst, quoted) // an error means that U+FFFD was put for half a pair
	return dst
}

// fixHalfPairs replaces, in place, each \u escape that is half a surrogate pair without its
// other half by \ufffd. Software that cuts a text in the middle of an emoji writes such halves,
// and strict readers refuse them.
func fixHalfPairs(b []byte) {
	for i := 0; i+6 <= len(b); {
		if b[i] != '\\' {
			i++
			continue
		}
		if b[i+1] != 'u' {
			i += 2
			continue
		}
		r, ok := hex4(b, i+2)
		if !ok || r&0xf800 != 0xd800 {
			i += 6
			continue
		}
		if r < 0xdc00 && i+12 <= len(b) && b[i+6] == '\\' && b[i+7] == 'u' {
			if low, ok := hex4(b, i+8); ok && low&0xfc00 == 0xdc00 {
				i += 12
				continue
			}
		}
		copy(b[i+2:], "fffd")
		i += 6
	}
}

// ToUTF8 appends b, which is not valid UTF-8, to out as valid UTF-8. It reads b as Windows-1252
// if b contains no multi-byte UTF-8 sequence; otherwise each invalid byte becomes U+FFFD. The
// result has at most three times the bytes.
func ToUTF8(out, b []byte) []byte {
	mixed := false
	start := len(out)
	for rest := b; len(rest) > 0 && !mixed; {
		if rest[0] < utf8.RuneSelf {
			out = append(out, rest[0])
			rest = rest[1:]
			continue
		}
		if _, n := utf8.DecodeRune(rest); n > 1 {
			mixed = true
			break
		}
		out = utf8.AppendRune(out, charmap.Windows1252.DecodeByte(rest[0]))
		rest = rest[1:]
	}
	if !mixed {
		return out
	}
	out = out[:start]
	for rest := b; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		out = utf8.AppendRune(out, r)
		rest = rest[n:]
	}
	return out
}

// blankOut overwrites the content of a string or the digits of a number in place.
func blankOut(b []byte, p span) {
	switch kind := p.kind(b); {
	case kind == '"':
		for i := p.from + 1; i < p.to-1; i++ {
			b[i] = '*'
		}
	case kind == '-', '0' <= kind && kind <= '9':
		for i := p.from; i < p.to; i++ {
			if '0' <= b[i] && b[i] <= '9' {
				b[i] = '9'
			}
		}
	}
}

// isBlank reports whether a text has nothing but white space.
func isBlank(t []byte) bool { return len(bytes.TrimSpace(t)) == 0 }
