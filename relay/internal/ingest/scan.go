package ingest

import (
	"encoding/binary"
	"math/bits"
	"strconv"
)

// scanner reads JSON text once, front to back: it checks the grammar of
// RFC 8259 and remembers where things are. It never recurses, so nesting costs
// one bit a level and no stack. UTF-8 is not checked here; wide tells the
// caller that there is something to check.
type scanner struct {
	b       []byte
	i       int
	wide    bool // a byte above 0x7f was seen inside a string
	halves  bool // a \u escape in the surrogate range was seen
	escaped bool // the string read last holds an escape
	deepest int  // deepest nesting since it was last set to 0

	levels []uint64 // one bit a level: 1 = object
	what   string   // what is wrong at b[i], after a method returned false
}

// span is a half-open range of the body; the zero span means absent.
type span struct{ from, to int }

func (p span) ok() bool { return p.to > p.from }
func (p span) len() int { return p.to - p.from }

// syntaxError says where a body stops being JSON. It shows nothing of the
// body: what people type into tills is not for logs.
type syntaxError struct {
	at   int
	what string
}

func (e *syntaxError) Error() string {
	return "the body is not JSON: " + e.what + " at byte " + strconv.Itoa(e.at)
}

func (s *scanner) err() error { return &syntaxError{at: s.i, what: s.what} }

func (s *scanner) reset(b []byte) {
	s.b, s.i = b, 0
	s.wide, s.halves, s.escaped, s.deepest, s.what = false, false, false, 0, ""
	if cap(s.levels) > 1024 { // somebody nested 65,536 deep: give it back
		s.levels = nil
	}
}

func (s *scanner) fail(what string) bool {
	if s.i >= len(s.b) {
		what = "unexpected end"
	}
	s.what = what
	return false
}

// space moves to the next byte that is not white space and returns it, or 0 at
// the end.
func (s *scanner) space() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' {
			return c
		}
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return 1 // a control byte: no token starts with it
		}
		s.i++
	}
	return 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// str reads the string that starts at b[i].
func (s *scanner) str() bool {
	b, i := s.b, s.i+1
	s.escaped = false
	for {
		// Eight bytes at a time, as long as none is a quote, a backslash, a
		// control or above 0x7f. A borrow can only mark bytes above a byte
		// that is marked itself, so the lowest mark is always a true one.
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
			s.escaped = true
			if i+1 >= len(b) {
				s.i = len(b)
				return s.fail("unexpected end")
			}
			switch b[i+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				i += 2
			case 'u':
				r, ok := hex4(b, i+2)
				if !ok {
					s.i = i
					s.what = "bad \\u escape"
					return false
				}
				if r&0xf800 == 0xd800 {
					s.halves = true
				}
				i += 6
			default:
				s.i = i
				s.what = "bad escape"
				return false
			}
		case c < 0x20:
			s.i = i
			return s.fail("control character in a string")
		case c >= 0x80:
			s.wide = true
			for i++; i < len(b) && b[i] >= 0x80; {
				i++
			}
		default:
			i++
		}
	}
}

// hex4 reads four hex digits at b[i:].
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

// number reads the number that starts at b[i].
func (s *scanner) number() bool {
	b, i := s.b, s.i
	if b[i] == '-' {
		i++
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

func (s *scanner) literal(word string) bool {
	if len(s.b)-s.i < len(word) || string(s.b[s.i:s.i+len(word)]) != word {
		return s.fail("unexpected character")
	}
	s.i += len(word)
	return true
}

// value reads the value that starts at b[i] (white space is already behind).
func (s *scanner) value() bool {
	depth := 0
	object := false
	for {
		// A value starts here.
		if s.i >= len(s.b) {
			return s.fail("unexpected end")
		}
		switch c := s.b[s.i]; c {
		case '"':
			if !s.str() {
				return false
			}
		case '{', '[':
			object = c == '{'
			s.push(depth, object)
			depth++
			s.i++
			switch c = s.space(); {
			case object && c == '}', !object && c == ']':
				s.i++
				depth--
				object = s.object(depth - 1)
			case object:
				if !s.name() {
					return false
				}
				continue
			default:
				continue
			}
		case 't':
			if !s.literal("true") {
				return false
			}
		case 'f':
			if !s.literal("false") {
				return false
			}
		case 'n':
			if !s.literal("null") {
				return false
			}
		case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			if !s.number() {
				return false
			}
		default:
			return s.fail("unexpected character")
		}
		// A value ends here: go out as far as brackets close.
		for {
			if depth == 0 {
				return true
			}
			c := s.space()
			if c == ',' {
				s.i++
				s.space()
				if object && !s.name() {
					return false
				}
				break
			}
			if c != '}' && c != ']' || (c == '}') != object {
				return s.fail("unexpected character")
			}
			s.i++
			depth--
			object = s.object(depth - 1)
		}
	}
}

// name reads an object member's name and the colon behind it, up to the value.
func (s *scanner) name() bool {
	if s.i >= len(s.b) || s.b[s.i] != '"' {
		return s.fail("expected a name")
	}
	if !s.str() {
		return false
	}
	if s.space() != ':' {
		return s.fail("expected a colon")
	}
	s.i++
	s.space()
	return true
}

// push notes that level is an object or an array.
func (s *scanner) push(level int, object bool) {
	w, bit := level>>6, uint64(1)<<(level&63)
	if w == len(s.levels) {
		s.levels = append(s.levels, 0)
	}
	if object {
		s.levels[w] |= bit
	} else {
		s.levels[w] &^= bit
	}
	if level >= s.deepest {
		s.deepest = level + 1
	}
}

func (s *scanner) object(level int) bool {
	return level >= 0 && s.levels[level>>6]&(1<<(level&63)) != 0
}

// members walks the object that starts at b[i] and calls each with the name's
// content (between the quotes, see escaped) once b[i] is the first byte of the
// value; each must read the value. It returns false at the first fault.
func (s *scanner) members(each func(name []byte, escaped bool) bool) bool {
	s.i++
	if s.space() == '}' {
		s.i++
		return true
	}
	for {
		from := s.i
		if from >= len(s.b) || s.b[from] != '"' {
			return s.fail("expected a name")
		}
		if !s.str() {
			return false
		}
		name, escaped := s.b[from+1:s.i-1], s.escaped
		if s.space() != ':' {
			return s.fail("expected a colon")
		}
		s.i++
		s.space()
		if !each(name, escaped) {
			return false
		}
		switch s.space() {
		case ',':
			s.i++
			s.space()
		case '}':
			s.i++
			return true
		default:
			return s.fail("unexpected character")
		}
	}
}

// end reports whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	if s.i < len(s.b) {
		s.what = "unexpected character after the value"
		return false
	}
	return true
}
