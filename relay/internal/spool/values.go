package spool

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// values reads JSON values however they are laid out, those in lists one by one.
type values struct {
	in     *jsontext.Decoder
	guard  *guard
	number int64
	packed [][]byte // events of a batch, to come
}

// valueBytes bounds one value: a request body that a till has saved.
const valueBytes = 32 << 20

func newValues(r io.Reader) *values {
	g := &guard{in: r, most: valueBytes, left: valueBytes}
	return &values{guard: g, in: jsontext.NewDecoder(g, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
}

func (v *values) next(r *row) error {
	for {
		v.guard.left = v.guard.most
		if len(v.packed) > 0 {
			v.number++
			*r = row{number: v.number, body: v.packed[0], text: v.packed[0]}
			v.packed = v.packed[1:]
			return nil
		}
		if k := v.in.PeekKind(); k == '[' && v.in.StackDepth() == 0 || k == ']' {
			if _, err := v.in.ReadToken(); err != nil {
				return fmt.Errorf("read JSON: %w", err)
			}
			continue
		}
		value, err := v.in.ReadValue()
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		if err != nil {
			return fmt.Errorf("read JSON: %w", err)
		}
		if v.packed = unpack(value); len(v.packed) > 0 {
			continue
		}
		v.number++
		*r = row{number: v.number, body: value, text: value}
		return nil
	}
}
