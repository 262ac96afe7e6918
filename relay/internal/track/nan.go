package track

import (
	"bufio"
	"errors"
	"io"
)

// WithoutNaN returns a reader of r's text in which a bare NaN, Infinity or -Infinity is null,
// for callers that read JSON of any length with another parser. Strings are not changed.
func WithoutNaN(r io.Reader) io.Reader { return &nanReader{in: bufio.NewReaderSize(r, 64<<10)} }

type nanReader struct {
	in      *bufio.Reader
	text    bool // inside a string
	escaped bool // after a backslash in it
	left    string
}

var notNumbers = [...]string{"-Infinity", "Infinity", "NaN"}

// Read implements io.Reader.
func (n *nanReader) Read(p []byte) (int, error) {
	k := 0
	for k < len(p) {
		if n.left != "" {
			c := copy(p[k:], n.left)
			k, n.left = k+c, n.left[c:]
			continue
		}
		if k > 0 && n.in.Buffered() == 0 {
			break // do not block while there is something to return
		}
		c, err := n.in.ReadByte()
		if err != nil {
			if k > 0 && errors.Is(err, io.EOF) {
				return k, nil
			}
			return k, err
		}
		if !n.text && (c == '-' || c == 'I' || c == 'N') && n.word(c) {
			n.left = "null"
			continue
		}
		switch {
		case n.escaped:
			n.escaped = false
		case n.text && c == '\\':
			n.escaped = true
		case c == '"':
			n.text = !n.text
		}
		p[k] = c
		k++
	}
	return k, nil
}

// word consumes the rest of one of notNumbers, if it follows.
func (n *nanReader) word(first byte) bool {
	for _, w := range notNumbers {
		if w[0] != first {
			continue
		}
		if rest, err := n.in.Peek(len(w) - 1); err == nil && string(rest) == w[1:] {
			_, _ = n.in.Discard(len(w) - 1) // it was peeked
			return true
		}
	}
	return false
}
