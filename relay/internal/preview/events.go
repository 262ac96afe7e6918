package preview

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"relay/relay/internal/track"
)

// eventReader reads events from an object, an array, {"batch":[…]}, or a sequence of JSON
// values or lines. It reads them like the intake, so that a dry run sees what would be
// stored.
type eventReader struct {
	in   track.Reader
	each func(track.Message) error
}

// maxEvents is the most bytes of events that are read into memory.
const maxEvents = 256 << 20

// readEvents calls each for every event of r. In JSON lines, a line that is not JSON is an
// invalid event. Events larger than most bytes are marked as too large.
func readEvents(r io.Reader, most int, each func(track.Message) error) error {
	src, err := readAtMost(r, maxEvents)
	if err != nil {
		return err
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if !utf8.Valid(src) {
		src = track.ToUTF8(nil, src)
	}
	values, err := track.Values(src)
	if syntax := (*track.SyntaxError)(nil); errors.As(err, &syntax) {
		lines, ok := jsonLines(src)
		if !ok {
			return fmt.Errorf("%s: not JSON: %s", position(src, syntax.At+1), syntax.What)
		}
		values = lines
	}
	e := &eventReader{in: track.Reader{Limits: track.Limits{EventBytes: most}}, each: each}
	for _, v := range values {
		if err := e.value(v); err != nil {
			return err
		}
	}
	return nil
}

// readAtMost reads r up to most bytes, in pieces, so that a larger input costs no more memory.
func readAtMost(r io.Reader, most int) ([]byte, error) {
	const piece = 4 << 20
	var pieces [][]byte
	n := 0
	for {
		b := make([]byte, piece)
		k, err := io.ReadFull(r, b)
		if n += k; n > most {
			return nil, fmt.Errorf("the input is larger than 256 MiB; use a part of it, such as: head -n 100000 FILE | relay map -")
		}
		pieces = append(pieces, b[:k])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if len(pieces) == 1 {
				return pieces[0], nil
			}
			return bytes.Join(pieces, nil), nil
		case err != nil:
			return nil, err
		}
	}
}

// value calls each for the events of a JSON value.
func (e *eventReader) value(v []byte) error {
	if items, ok := track.Items(v); ok {
		for _, x := range items {
			if err := e.one(x); err != nil {
				return err
			}
		}
		return nil
	}
	batch, err := e.in.Batch(v)
	if bad := (*track.Problem)(nil); errors.As(err, &bad) {
		return bad
	}
	if err != nil || !batch {
		return e.one(v)
	}
	for k := range e.in.Len() {
		if err := e.each(e.in.Next(k)); err != nil {
			return err
		}
	}
	return nil
}

// one calls each for a value that is one event. A value that is not JSON is an invalid event.
func (e *eventReader) one(v []byte) error {
	msg, _ := e.in.One(v)
	return e.each(msg)
}

// jsonLines returns the lines of src. It returns false if no line is JSON.
func jsonLines(src []byte) (lines [][]byte, ok bool) {
	for l := range bytes.Lines(src) {
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		lines = append(lines, l)
		if !ok && (l[0] == '{' || l[0] == '[') {
			_, err := track.Values(l)
			ok = err == nil
		}
	}
	return lines, ok
}

// position returns line and column of byte at; all three count from 1.
func position(src []byte, at int) string {
	head := src[:min(max(at-1, 0), len(src))]
	line := bytes.Count(head, []byte("\n")) + 1
	col := utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, col)
}
