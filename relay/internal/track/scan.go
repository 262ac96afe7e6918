package track

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// scanner reads JSON text once, front to back: it checks the grammar of
// RFC 8259 and remembers where things are. It never recurses, so nesting costs
// one bit a level and no stack. UTF-8 is not checked here; wide tells the
// caller that there is something to check.
type scanner struct {
	b []byte
	i int

	wide    bool // a byte above 0x7f was seen inside a string
	halves  bool // a \u escape in the surrogate range was seen
	escaped bool // the string read last holds an escape
	deepest int  // deepest nesting since it was last set to 0

	// Facts about what was read since they were last set to false.
	repeated bool // an object has two members of one name, or of one hash
	nan      bool // NaN, Infinity or -Infinity stands where a value does

	levels []uint64 // one bit a level: 1 = object
	names  []uint64 // hashes of the names of all open objects
	starts []int    // where in names each open object begins
	plain  []byte   // room for a name without its escapes
	named  span     // the name read last, quotes included
	what   string   // what is wrong at b[i], after a method returned false
}

// SyntaxError says where a body stops being JSON. It shows nothing of the
// body: what people type into tills is not for logs.
type SyntaxError struct {
	At   int // the byte, counted from 0
	What string
}

func (e *SyntaxError) Error() string {
	return "the body is not JSON: " + e.What + " at byte " + strconv.Itoa(e.At)
}

func (s *scanner) err() error { return &SyntaxError{At: s.i, What: s.what} }

// kept is the most room, in elements, that a scanner keeps for the next body.
const kept = 1024

func (s *scanner) reset(b []byte) {
	if s.names == nil {
		s.names = make([]uint64, 0, 64)
	}
	s.b, s.i = b, 0
	s.wide, s.halves, s.escaped, s.deepest, s.what = false, false, false, 0, ""
	s.repeated, s.nan = false, false
	s.names, s.starts = s.names[:0], s.starts[:0]
	// What a hostile body made large is given back.
	if cap(s.levels) > kept {
		s.levels = nil
	}
	if cap(s.names) > kept {
		s.names = make([]uint64, 0, 64)
	}
	if cap(s.starts) > kept {
		s.starts = nil
	}
	if cap(s.plain) > kept {
		s.plain = nil
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
			if i = s.escape(i); i < 0 {
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

// escape reads the escape at b[i] and returns where it ends, or -1.
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
			s.halves = true
		}
		return i + 6
	default:
		s.i, s.what = i, "bad escape"
		return -1
	}
	s.i, s.what = i, "bad \\u escape"
	return -1
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

// notANumber reads what Python's json.dumps writes for a float that is no number.
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

// scalar reads the value that starts at b[i] and is neither object nor list.
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

// value reads the value that starts at b[i] (white space is already behind).
func (s *scanner) value() bool {
	depth := 0
	object := false
	for {
		// A value starts here.
		if s.i >= len(s.b) {
			return s.fail("unexpected end")
		}
		if c := s.b[s.i]; c == '{' || c == '[' {
			object = c == '{'
			s.push(depth, object)
			depth++
			s.i++
			switch c = s.space(); {
			case object && c == '}', !object && c == ']':
				s.i++
				depth--
				s.pop(object)
				object = s.object(depth - 1)
			case object:
				if !s.name() {
					return false
				}
				continue
			default:
				continue
			}
		} else if !s.scalar(c) {
			return false
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
			s.pop(object)
			object = s.object(depth - 1)
		}
	}
}

// name reads an object member's name and the colon behind it, up to the value.
func (s *scanner) name() bool {
	from := s.i
	if from >= len(s.b) || s.b[from] != '"' {
		return s.fail("expected a name")
	}
	if !s.str() {
		return false
	}
	s.named = span{int32(from), int32(s.i)}
	s.names = append(s.names, s.hash(s.b[from:s.i], s.escaped))
	if s.space() != ':' {
		return s.fail("expected a colon")
	}
	s.i++
	s.space()
	return true
}

// hash is the hash of a name, given with its quotes; spelled with escapes or
// not, the same name has the same one. Two names may share one: whoever finds
// equal hashes compares the names.
func (s *scanner) hash(quoted []byte, escaped bool) uint64 {
	if escaped {
		s.plain = unquote(append(s.plain[:0], '"'), quoted)
		return nameHash(append(s.plain, '"'))
	}
	return nameHash(quoted)
}

// nameHash hashes a name between quotes. A short one is its own hash.
func nameHash(quoted []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	n := len(quoted) - 2
	switch {
	case n <= 6: // with the quotes up to eight bytes
		var w uint64
		for _, c := range quoted[1 : n+1] {
			w = w<<8 | uint64(c)
		}
		return w + uint64(n)*odd
	case n <= 16:
		a := binary.LittleEndian.Uint64(quoted[1:])
		b := binary.LittleEndian.Uint64(quoted[n-7:])
		return (a^bits.RotateLeft64(b*odd, 31))*odd + uint64(n)
	}
	h := uint64(n)
	rest := quoted[1 : n+1]
	for ; len(rest) >= 8; rest = rest[8:] {
		h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(rest))*odd, 29)
	}
	return (h ^ binary.LittleEndian.Uint64(quoted[n-7:])) * odd
}

// push notes that level is an object or an array.
func (s *scanner) push(level int, object bool) {
	w, bit := level>>6, uint64(1)<<(level&63)
	if w == len(s.levels) {
		s.levels = append(s.levels, 0)
	}
	if object {
		s.levels[w] |= bit
		s.starts = append(s.starts, len(s.names))
	} else {
		s.levels[w] &^= bit
	}
	if level >= s.deepest {
		s.deepest = level + 1
	}
}

// pop notes that the innermost value, an object or an array, has ended.
func (s *scanner) pop(object bool) {
	if !object {
		return
	}
	last := len(s.starts) - 1
	start := s.starts[last]
	if !s.repeated {
		s.repeated = repeats(s.names[start:])
	}
	s.starts, s.names = s.starts[:last], s.names[:start]
}

// fewNames is up to how many names are compared each with each.
const fewNames = 24

// repeats reports whether two of the hashes are equal. It may reorder them.
func repeats(names []uint64) bool {
	if len(names) > fewNames {
		slices.Sort(names)
		for i := 1; i < len(names); i++ {
			if names[i] == names[i-1] {
				return true
			}
		}
		return false
	}
	var seen uint64 // a bit for each name: most are not set yet
	for i, n := range names {
		bit := uint64(1) << (n * 0x9e3779b97f4a7c15 >> 58)
		if seen&bit != 0 && slices.Contains(names[:i], n) {
			return true
		}
		seen |= bit
	}
	return false
}

func (s *scanner) object(level int) bool {
	return level >= 0 && s.levels[level>>6]&(1<<(level&63)) != 0
}

// members walks the object that starts at b[i] and calls each with the name,
// quotes included (see escaped), once b[i] is the first byte of the value; each
// must read the value. It returns false at the first fault.
func (s *scanner) members(each func(name []byte, escaped bool) bool) bool {
	s.i++
	s.starts = append(s.starts, len(s.names))
	for c := s.space(); c != '}'; {
		if !s.name() || !each(s.named.of(s.b), s.escaped) {
			return false
		}
		switch c = s.space(); c {
		case ',':
			s.i++
			s.space()
			c = ',' // a name must follow
		case '}':
		default:
			return s.fail("unexpected character")
		}
	}
	s.i++
	s.pop(true)
	return true
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

// span is a half-open range of a text; the zero span means absent.
type span struct{ from, to int32 }

func (p span) ok() bool           { return p.to > p.from }
func (p span) len() int           { return int(p.to - p.from) }
func (p span) of(b []byte) []byte { return b[p.from:p.to] }

// kind is the first byte of a value: '{', '[', '"', 't', 'f', 'n', '-', a digit,
// 'N' or 'I'; 0 for an absent one.
func (p span) kind(b []byte) byte {
	if !p.ok() {
		return 0
	}
	return b[p.from]
}
