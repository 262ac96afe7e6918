package track

import (
	"encoding/binary"
	"math/bits"
)

// space moves to the next byte that is not white space and returns it, or 0 at the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' {
			return c
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return 1 // a control byte, with which no token starts
		}
		s.i++
	}
	return 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str scans the string that starts at b[i].
func (s *scanner) str() bool {
	b, i := s.b, s.i+1
	s.escaped = false
	for {
		// Eight bytes at a time while none is a quote, a backslash, a control character or
		// above 0x7f. A borrow can only mark bytes above a marked byte, so the lowest mark
		// is always exact.
		for i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			m := (w | (w - ones*0x20) | ((w ^ ones*'"') - ones) | ((w ^ ones*'\\') - ones)) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			s.i = i
			return s.fail("unexpected end")
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			return true
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return false
			}
		case c < 0x20:
			s.i = i
			return s.fail("control character in a string")
		case c >= 0x80:
			s.nonASCII = true
			for i++; i < len(b) && b[i] >= 0x80; {
				i++
			}
		default:
			i++
		}
	}
}

// escape scans the escape at b[i] and returns the position after it, or -1.
func (s *scanner) escape(i int) int {
	b := s.b
	s.escaped = true
	if i+1 >= len(b) {
		s.i = len(b)
		s.fail("unexpected end")
		return -1
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		r, ok := hex4(b, i+2)
		if !ok {
			break
		}
		if r&0xf800 == 0xd800 {
			s.halfPairs = true
		}
		return i + 6
	default:
		s.i, s.what = i, "bad escape"
		return -1
	}
	s.i, s.what = i, "bad \\u escape"
	return -1
}

// hex4 parses four hex digits at b[i:].
func hex4(b []byte, i int) (r uint32, ok bool) {
	if i+4 > len(b) {
		return 0, false
	}
	for _, c := range b[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | uint32(c)
	}
	return r, true
}

// number scans the number that starts at b[i].
func (s *scanner) number() bool {
	b, i := s.b, s.i
	if b[i] == '-' {
		i++
		if i < len(b) && b[i] == 'I' {
			s.i = i
			return s.notANumber("Infinity")
		}
	}
	digits := func() bool {
		from := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		s.i = i
		return s.fail("bad number")
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			s.i = i
			return s.fail("bad number")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			s.i = i
			return s.fail("bad number")
		}
	}
	s.i = i
	return true
}

// notANumber scans what Python's json.dumps writes for a float that is not a number.
func (s *scanner) notANumber(word string) bool {
	if !s.literal(word) {
		return false
	}
	s.nan = true
	return true
}

func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("unexpected character")
	}
	s.i += len(word)
	return true
}

// scalar scans the value that starts at b[i] and is neither an object nor a list.
func (s *scanner) scalar(c byte) bool {
	switch c {
	case '"':
		return s.str()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	case 'N':
		return s.notANumber("NaN")
	case 'I':
		return s.notANumber("Infinity")
	}
	return s.fail("unexpected character")
}

// span is a half-open range of a text; the zero span means absent.
type span struct{ from, to int32 }

func (p span) ok() bool           { return p.to > p.from }
func (p span) len() int           { return int(p.to - p.from) }
func (p span) of(b []byte) []byte { return b[p.from:p.to] }

// kind returns the first byte of a value: '{', '[', '"', 't', 'f', 'n', '-', a digit, 'N' or 'I';
// 0 for an absent one.
func (p span) kind(b []byte) byte {
	if !p.ok() {
		return 0
	}
	return b[p.from]
}
