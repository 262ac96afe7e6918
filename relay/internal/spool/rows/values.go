package rows

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"relay/relay/internal/track"
)

// values reads JSON values with any layout, and the items of lists one by one.
type values struct {
	in     *jsontext.Decoder
	guard  *guard
	number int64
	packed packed
}

// errLong ends a file with a bracket that is never closed: what follows cannot be separated into
// values.
var errLong = fmt.Errorf("a value is larger than %d MiB, which no request is: is a bracket or a quote missing?", valueBytes>>20)

// guard bounds how much of a value the decoder buffers.
type guard struct {
	in   io.Reader
	most int
	left int
}

func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errLong
	}
	n, err := g.in.Read(p[:min(len(p), g.left)])
	g.left -= n
	return n, err
}

// valueBytes bounds one value: a request body that a till has saved.
const valueBytes = 32 << 20

func newValues(r io.Reader, o *Options) (*values, error) {
	sale, err := o.saleFinder()
	g := &guard{in: r, most: valueBytes, left: valueBytes}
	return &values{
		guard: g, packed: packed{in: o.reader(), sale: sale},
		in: jsontext.NewDecoder(track.WithoutNaN(g), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
	}, err
}

// syntaxError reports where a file stops being JSON and what is probably wrong.
type syntaxError struct {
	words string
	err   error
}

func (e *syntaxError) Error() string { return e.words }
func (e *syntaxError) Unwrap() error { return e.err }

// unreadable returns the error that ends the file.
func (v *values) unreadable(err error) error {
	if errors.Is(err, errLong) {
		return &PrivateError{fmt.Sprintf("read JSON: after value %d", v.number), errLong}
	}
	var syntax *jsontext.SyntacticError
	if !errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &PrivateError{"read JSON", err}
	}
	words := fmt.Sprintf("after value %d the file is not JSON (byte %d)", v.number, syntax.ByteOffset)
	if v.in.StackDepth() == 0 && v.number > 0 && strings.Contains(err.Error(), "','") {
		words += ": there is a comma between two values: put [ before the first and ] after the last, or write each value on a line of its own without the comma"
	}
	return &PrivateError{"read JSON", &syntaxError{words, err}}
}

func (v *values) Next(r *Row) error {
	for {
		v.guard.left = v.guard.most
		var ok bool
		if *r, ok = v.packed.next(); ok {
			v.number++
			r.Number = v.number
			return nil
		}
		if k := v.in.PeekKind(); k == '[' && v.in.StackDepth() == 0 || k == ']' {
			if _, err := v.in.ReadToken(); err != nil {
				return v.unreadable(err)
			}
			continue
		}
		value, err := v.in.ReadValue()
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		if err != nil {
			return v.unreadable(err)
		}
		if *r, ok = v.packed.open(value); !ok {
			continue
		}
		v.number++
		r.Number = v.number
		return nil
	}
}
