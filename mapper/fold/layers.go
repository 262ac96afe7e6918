package fold

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLayers is how many readings of a text Layers gives: a link within a link within a
// page has five, and so costs at most maxLayers times what its text does.
const maxLayers = 12

// Layers gives a text, and what it says when the ways in which pages (&#64;), links (%40,
// %FC), programs (\u0040, \x40, \n), mail (=40) and Base64 write other characters are undone,
// one by one and one within the other. It is the one place that knows these ways: what looks
// for a person in a text, and what keeps one from leaving, looks into each layer.
func Layers(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(text) || !Layered(text) {
			return
		}
		var room [maxLayers]string
		layers := append(room[:0], text)
		for i := 0; i < len(layers); i++ {
			from := decodable(layers[i])
			for _, decode := range [...]func(string) string{Unescaped, unquoted, fromBase64} {
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

// What a byte may be part of.
const (
	letterByte uint8 = 1 + iota // of a text in Base64
	jointByte                   // of one, or of what joins it with something else: + / - _
	escapeByte                  // begins an escape, or what Clean makes one of: ％
)

var byteClasses = func() (c [256]uint8) {
	for b := byte('0'); b <= 'z'; b++ {
		if isCode(b) {
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

// Layered says whether a text may have more than one layer. Most texts have not: it costs
// a look at each byte, and one at the first bytes of a word that is as long as an address in
// Base64.
func Layered(text string) bool {
	run, part := 0, 0 // where a text in Base64 may have begun: with joints within it, without
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

// mayBeBase64 says whether the beginning of a run may be that of a text in Base64.
func mayBeBase64(run string) bool {
	var room [minBase64]byte
	_, _, ok := decode64(room[:0], run)
	return ok
}

// decodable is text with its escapes in ASCII, and nothing unseen within them.
func decodable(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return Clean(strings.ReplaceAll(strings.ReplaceAll(text, "=\r\n", ""), "=\n", ""))
		}
	}
	return text
}

// minBase64 is how long a text in Base64 is that is looked into: the shortest address.
const minBase64 = 12

// fromBase64 is what stands in Base64 in a text, a line each, or the text itself where
// nothing does.
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

// appendBase64 appends what a run of letters, digits and + / - _ says in Base64: all of it,
// else the parts that these characters divide it into, as a path or a prefix does.
func appendBase64(dst []byte, run string) []byte {
	if out, ok := appendDecoded(dst, run); ok {
		return out
	}
	for from := 0; from < len(run); {
		to := from
		for to < len(run) && isCode(run[to]) {
			to++
		}
		if to-from >= minBase64 && to-from < len(run) {
			dst, _ = appendDecoded(dst, run[from:to])
		}
		from = to + 1
	}
	return dst
}

// isCode holds for letters and digits.
func isCode(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// appendDecoded appends the text that a run is in Base64, and a line break.
func appendDecoded(dst []byte, run string) (_ []byte, ok bool) {
	out, whole, ok := decode64(dst, run)
	if !ok || !whole {
		return dst, false
	}
	return append(out, '\n'), true
}

// decode64 appends what a run is in Base64 as far as it goes. Not ok: it is no text, which
// of almost all runs the first bytes say. whole: neither a character nor a byte is cut.
func decode64(dst []byte, run string) (_ []byte, whole, ok bool) {
	read := len(dst) // bytes before it are whole characters
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
