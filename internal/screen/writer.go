package screen

import (
	"bytes"
	"io"
	"os"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Writer writes to w nothing that moves a cursor, sets a title or changes the reading order: text
// from a till, a file or Meta is printed in many places. In a line of JSON such a character becomes
// an escape of the same value; elsewhere it becomes �. With colours, the few sequences that colour
// text pass.
type Writer struct {
	w       io.Writer
	colours bool

	mu    sync.Mutex
	begun bool   // the line has more than spaces
	json  bool   // and is JSON
	rest  []byte // the beginning of an incomplete character or sequence
}

// NewWriter returns a Writer to w. colours is for a terminal.
func NewWriter(w io.Writer, colours bool) *Writer { return &Writer{w: w, colours: colours} }

// Unwrap returns the underlying writer, for code that draws on a terminal and shows no untrusted
// text.
func (s *Writer) Unwrap() io.Writer { return s.w }

// Raw returns the underlying writer of a Writer, or w itself.
func Raw(w io.Writer) io.Writer {
	if s, ok := w.(*Writer); ok {
		return s.w
	}
	return w
}

// sequences are those that pass with colours.
var sequences = [][]byte{[]byte("\x1b[0m"), []byte("\x1b[1m"), []byte("\x1b[2m"), []byte("\x1b[31m"), []byte("\x1b[32m"), []byte("\x1b[33m"), []byte("\x1b[36m")}

// Write writes all of p except an incomplete character at its end, which waits for the rest.
func (s *Writer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := p
	if len(s.rest) > 0 {
		in = slices.Concat(s.rest, p)
		s.rest = nil
	}
	if _, err := s.w.Write(s.clean(in)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *Writer) clean(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		c := in[0]
		switch {
		case c == '\n':
			s.begun = false
		case c == ' ' || c == '\t':
		case c < ' ' || c >= utf8.RuneSelf || c == 0x7f:
			n, ok := s.special(in)
			if !ok {
				s.rest = bytes.Clone(in)
				return out
			}
			out = append(out, s.shown(in[:n])...)
			s.begin('x')
			in = in[n:]
			continue
		default:
			s.begin(c)
		}
		out = append(out, c)
		in = in[1:]
	}
	return out
}

// begin records the first byte of a line that is not a space.
func (s *Writer) begin(c byte) {
	if !s.begun {
		s.begun, s.json = true, bytes.IndexByte([]byte(`{}[]"`), c) >= 0
	}
}

// special returns the length of the character or sequence at the start of in; ok is false if it is
// incomplete.
func (s *Writer) special(in []byte) (n int, ok bool) {
	if in[0] == 0x1b && s.colours {
		for _, q := range sequences {
			if bytes.HasPrefix(in, q) {
				return len(q), true
			}
			if len(in) < len(q) && bytes.HasPrefix(q, in) {
				return 0, false
			}
		}
	}
	if !utf8.FullRune(in) {
		return 0, false
	}
	_, n = utf8.DecodeRune(in)
	return n, true
}

// shown returns what is written instead of one character or sequence.
func (s *Writer) shown(in []byte) []byte {
	if len(in) > 1 && in[0] == 0x1b {
		return in
	}
	r, _ := utf8.DecodeRune(in)
	if unicode.IsGraphic(r) && r != utf8.RuneError {
		return in
	}
	if s.json && s.begun && r >= 0x7f && r != utf8.RuneError {
		return escape(r)
	}
	return []byte(string(utf8.RuneError))
}

// escape writes r as JSON does.
func escape(r rune) []byte {
	const digits = "0123456789abcdef"
	one := func(r rune) []byte {
		return []byte{'\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15]}
	}
	if r < 0x10000 {
		return one(r)
	}
	r -= 0x10000
	return append(one(0xd800+r>>10), one(0xdc00+r&0x3ff)...)
}

// IsTerminal reports whether w, which may be a Writer, is a terminal.
func IsTerminal(w any) bool {
	if s, ok := w.(*Writer); ok {
		w = s.Unwrap()
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
