package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"relay/relay/internal/ingest"
)

// readEvents reads events the way people keep them (one object, an array,
// {"batch":[…]}, JSON values one after another or one a line) and calls each
// with the bytes of one event. In JSON lines a line that is not JSON is an
// event too: an invalid one.
func readEvents(r io.Reader, each func(body []byte) error) error {
	src, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	values, err := jsonValues(src)
	if err != nil {
		lines, ok := jsonLines(src)
		if !ok {
			return err
		}
		values = lines
	}
	for _, v := range values {
		if err := eachEvent(v, each); err != nil {
			return err
		}
	}
	return nil
}

func eachEvent(v []byte, each func([]byte) error) error {
	switch v[0] {
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(v, &items) != nil {
			break // not JSON: an invalid event
		}
		for _, x := range items {
			if err := each(x); err != nil {
				return err
			}
		}
		return nil
	case '{':
		if messages, ok, err := ingest.Split(v); err == nil && ok {
			for _, x := range messages {
				if err := each(x); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return each(v)
}

// jsonValues reads values that follow each other, however they are laid out.
func jsonValues(src []byte) ([][]byte, error) {
	var out [][]byte
	d := json.NewDecoder(bytes.NewReader(src))
	for {
		var v json.RawMessage
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			at := int(d.InputOffset())
			if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
				at = int(syntax.Offset)
			}
			return nil, fmt.Errorf("%s: %w", position(src, at), err)
		}
		out = append(out, v)
	}
}

// jsonLines reads one value a line; it reports false when not even one line
// is JSON.
func jsonLines(src []byte) (lines [][]byte, ok bool) {
	for l := range bytes.Lines(src) {
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		lines = append(lines, l)
		ok = ok || json.Valid(l) && (l[0] == '{' || l[0] == '[')
	}
	return lines, ok
}

// position says where byte `at` is, as line:column.
func position(src []byte, at int) string {
	head := src[:min(max(at-1, 0), len(src))]
	line := bytes.Count(head, []byte("\n")) + 1
	col := utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, col)
}
