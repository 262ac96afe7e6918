package fold

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLayers limits how many readings of a text Layers yields. A link within a link within a
// page has five. Layers therefore costs at most maxLayers passes over the text.
const maxLayers = 12

// Layers yields a text, then every text it becomes when the escapes of pages (&#64;), links
// (%40, %FC), programs (\u0040, \x40, \n), mail (=40) and Base64 are undone, singly and nested.
// This is the only place that handles these encodings: the search for personal data and the
// filters that keep it from leaving both check each layer.
func Layers(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(text) || !HasLayers(text) {
			return
		}
		var buf [maxLayers]string
		layers := append(buf[:0], text)
		for i := 0; i < len(layers); i++ {
			from := decodable(layers[i])
			for _, decode := range [...]func(string) string{unescape, decodeQuotedPrintable, fromBase64} {
				plain := decode(from)
				if plain == from || slices.Contains(layers, plain) {
					continue
				}
				if !yield(plain) {
					return
				}
				if layers = append(layers, plain); len(layers) == maxLayers {
					return
				}
			}
		}
	}
}

// Byte classes: what a byte can be part of.
const (
	letterByte uint8 = 1 + iota // Base64 text
	jointByte                   // Base64 text, or a separator next to it: + / - _
	escapeByte                  // starts an escape, or becomes one in Clean: ％
)

var byteClasses = func() (c [256]uint8) {
	for b := byte('0'); b <= 'z'; b++ {
		if isAlphanumeric(b) {
			c[b] = letterByte
		}
	}
	for _, b := range []byte("+/-_") {
		c[b] = jointByte
	}
	for _, b := range []byte("&%\\=\xef") {
		c[b] = escapeByte
	}
	return c
}()

// HasLayers reports whether a text could have more than one layer. Most texts have one. The check
// looks at each byte once, and decodes the start of a word that is as long as an e-mail address
// in Base64.
func HasLayers(text string) bool {
	run, part := 0, 0 // possible starts of Base64 text, with separators inside it and without
	for i := range len(text) {
		switch byteClasses[text[i]] {
		case letterByte:
			if i+1-part == minBase64 && part != run && mayBeBase64(text[part:i+1]) {
				return true
			}
		case jointByte:
			part = i + 1
		case escapeByte:
			return true
		default:
			run, part = i+1, i+1
			continue
		}
		if i+1-run == minBase64 && mayBeBase64(text[run:i+1]) {
			return true
		}
	}
	return false
}

// mayBeBase64 reports whether run can be the start of Base64 text.
func mayBeBase64(run string) bool {
	var buf [minBase64]byte
	_, _, ok := decode64(buf[:0], run)
	return ok
}

// decodable returns text with its escapes in ASCII and without invisible characters inside
// them.
func decodable(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return Clean(strings.ReplaceAll(strings.ReplaceAll(text, "=\r\n", ""), "=\n", ""))
		}
	}
	return text
}

// minBase64 is the length of the shortest Base64 text that is decoded: a short e-mail address.
const minBase64 = 12

// fromBase64 decodes the Base64 parts of a text, one per line. It returns the text itself if it
// has none.
func fromBase64(text string) string {
	var all []byte
	for i := 0; i < len(text); {
		if !isBase64(text[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(text) && isBase64(text[j]) {
			j++
		}
		if j-i >= minBase64 {
			all = appendBase64(all, text[i:j])
		}
		i = j
	}
	if len(all) == 0 {
		return text
	}
	return string(all)
}

// appendBase64 decodes a run of letters, digits and + / - _ and appends the result. If the
// whole run is not Base64, it tries the parts between these characters, as in a path or after a
// prefix.
func appendBase64(dst []byte, run string) []byte {
	if out, ok := appendDecoded(dst, run); ok {
		return out
	}
	for from := 0; from < len(run); {
		to := from
		for to < len(run) && isAlphanumeric(run[to]) {
			to++
		}
		if to-from >= minBase64 && to-from < len(run) {
			dst, _ = appendDecoded(dst, run[from:to])
		}
		from = to + 1
	}
	return dst
}

// isAlphanumeric reports whether b is an ASCII letter or digit.
func isAlphanumeric(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// appendDecoded appends the text that run encodes in Base64 and a line break.
func appendDecoded(dst []byte, run string) (_ []byte, ok bool) {
	out, whole, ok := decode64(dst, run)
	if !ok || !whole {
		return dst, false
	}
	return append(out, '\n'), true
}

// decode64 appends the text that run encodes in Base64, as far as run goes. ok is false if the
// result is not text; the first bytes usually decide that. whole reports that run ends at the
// end of a character and of a byte.
func decode64(dst []byte, run string) (_ []byte, whole, ok bool) {
	read := len(dst) // the bytes before it form complete characters
	var bits uint32
	have := 0
	for i := range len(run) {
		bits, have = bits<<6|uint32(sextet(run[i])), have+6
		if have < 8 {
			continue
		}
		have -= 8
		b := byte(bits >> have)
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
			return dst, false, false
		}
		dst = append(dst, b)
		for read < len(dst) && utf8.FullRune(dst[read:]) {
			r, n := utf8.DecodeRune(dst[read:])
			if r == utf8.RuneError && n < 2 {
				return dst, false, false
			}
			read += n
		}
	}
	return dst, have != 6 && read == len(dst), true
}

func isBase64(b byte) bool { return byteClasses[b]-letterByte <= jointByte-letterByte }

func sextet(b byte) byte {
	switch {
	case 'A' <= b && b <= 'Z':
		return b - 'A'
	case 'a' <= b && b <= 'z':
		return b - 'a' + 26
	case '0' <= b && b <= '9':
		return b - '0' + 52
	case b == '+', b == '-':
		return 62
	}
	return 63
}
