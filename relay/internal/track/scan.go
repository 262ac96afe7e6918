package track

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
)

// scanner parses JSON text in one pass: it checks the grammar of RFC 8259 and records
// positions. It does not recurse, so a level of nesting costs one bit and no stack. It does not
// check UTF-8; nonASCII tells the caller that a check is needed.
type scanner struct {
	b []byte
	i int

	nonASCII  bool // a byte above 0x7f was seen inside a string
	halfPairs bool // a \u escape in the surrogate range was seen
	escaped   bool // the last string has an escape
	deepest   int  // deepest nesting since the field was last set to 0

	// Set while reading; the caller resets them.
	repeated bool // an object has two members with the same name, or with the same hash
	nan      bool // NaN, Infinity or -Infinity occurs as a value

	levels []uint64 // one bit per level: 1 = object
	names  []uint64 // hashes of the names in all open objects
	starts []int    // index in names where each open object begins
	plain  []byte   // buffer for a name without its escapes
	named  span     // the last name, with its quotes
	what   string   // the fault at b[i], after a method returned false
}

// SyntaxError reports where a body stops being JSON. It contains nothing of the body: what
// people type into tills must not appear in logs.
type SyntaxError struct {
	At   int // byte offset, from 0
	What string
}

func (e *SyntaxError) Error() string {
	return "the body is not JSON: " + e.What + " at byte " + strconv.Itoa(e.At)
}

func (s *scanner) err() error { return &SyntaxError{At: s.i, What: s.what} }

// maxKept is the largest buffer, in elements, that is maxKept for the next body.
const maxKept = 1024

func (s *scanner) reset(b []byte) {
	if s.names == nil {
		s.names = make([]uint64, 0, 64)
	}
	s.b, s.i = b, 0
	s.nonASCII, s.halfPairs, s.escaped, s.deepest, s.what = false, false, false, 0, ""
	s.repeated, s.nan = false, false
	s.names, s.starts = s.names[:0], s.starts[:0]
	// Buffers that a hostile body made large are freed.
	if cap(s.levels) > maxKept {
		s.levels = nil
	}
	if cap(s.names) > maxKept {
		s.names = make([]uint64, 0, 64)
	}
	if cap(s.starts) > maxKept {
		s.starts = nil
	}
	if cap(s.plain) > maxKept {
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

// value scans the value that starts at b[i], after white space.
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
		// A value ends here: close all levels whose brackets follow.
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

// name scans a member's name and the colon, up to the value.
func (s *scanner) name() bool {
	from := s.i
	if from >= len(s.b) || s.b[from] != '"' {
		return s.fail("expected a name")
	}
	if !s.str() {
		return false
	}
	s.named = span{int32(from), int32(s.i)}
	s.names = append(s.names, nameHash(s.quoted(s.b[from:s.i], s.escaped)))
	if s.space() != ':' {
		return s.fail("expected a colon")
	}
	s.i++
	s.space()
	return true
}

// quoted returns a quoted name without escapes, so that the same name has the same hash however
// it is spelled. The result is valid until the next call.
func (s *scanner) quoted(name []byte, escaped bool) []byte {
	if escaped {
		s.plain = append(unquote(append(s.plain[:0], '"'), name), '"')
		return s.plain
	}
	return name
}

// nameHash hashes a quoted name. A short name is its own hash. Two names can share a hash:
// callers that find equal hashes must compare the names.
func nameHash(quoted []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	n := len(quoted) - 2
	switch {
	case n <= 6: // with the quotes at most eight bytes
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

// push records that level is an object or an array.
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

// pop ends the innermost object or array.
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

// fewNames is the number of names up to which each is compared with each other.
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
	var seen uint64 // a bit for each name, a cheap filter
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

// enter enters the object that starts at b[i] and moves to its first member:
//
//	for more := s.enter(); more; more = s.next() {
//
// In the loop, member is the name and b[i] the first byte of the value, which the loop must
// scan. After the loop, failed distinguishes a fault from the end of the object.
func (s *scanner) enter() bool {
	s.i++
	s.starts = append(s.starts, len(s.names))
	if s.space() != '}' {
		return s.name()
	}
	s.i++
	s.pop(true)
	return false
}

// next moves to the next member after the value of the last one was scanned.
func (s *scanner) next() bool {
	switch s.space() {
	case ',':
		s.i++
		s.space()
		return s.name()
	case '}':
		s.i++
		s.pop(true)
		return false
	}
	return s.fail("unexpected character")
}

// failed reports whether there is a fault at b[i].
func (s *scanner) failed() bool { return s.what != "" }

// member returns the last name without quotes and escapes. It is valid until the next call.
func (s *scanner) member() []byte { return s.content(s.named.of(s.b), s.escaped) }

// end reports whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	if s.i < len(s.b) {
		s.what = "unexpected character after the value"
		return false
	}
	return true
}
