package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"relay/relay/internal/ingest"
)

// row is one event of a file.
type row struct {
	number int64           // 1 for the first
	line   int64           // of the file, where it begins
	body   []byte          // the event as JSON; valid until the next row
	text   []byte          // as it stands in the file, for the report
	bad    *ingest.Refusal // it did not become an event
}

// rows reads a file. next returns io.EOF behind the last row; any other error
// ends the file.
type rows interface {
	next(*row) error
}

// lines reads JSON lines. Blank ones do not count.
type lines struct {
	in     *bufio.Reader
	most   int
	number int64
	line   int64
	buf    []byte
	packed [][]byte // events of a batch, to come
}

func newLines(r io.Reader, most int) *lines {
	return &lines{in: bufio.NewReaderSize(r, 1<<16), most: most}
}

func (l *lines) next(r *row) error {
	for {
		if len(l.packed) > 0 {
			l.number++
			*r = row{number: l.number, line: l.line, body: l.packed[0], text: l.packed[0]}
			l.packed = l.packed[1:]
			return nil
		}
		long, err := l.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(l.buf) == 0) {
			return err
		}
		l.line++
		text := bytes.TrimSpace(l.buf)
		if len(text) == 0 {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			continue
		}
		if !long {
			if l.packed = unpack(text); len(l.packed) > 0 {
				continue
			}
		}
		l.number++
		*r = row{number: l.number, line: l.line, body: text, text: text}
		if long {
			r.body, r.text = nil, text[:min(len(text), 1024)]
			r.bad = &ingest.Refusal{Code: "event_too_large", Message: "the line is over the size limit of an event"}
		}
		return nil
	}
}

// read reads one line into buf, of an overlong one only as much as is needed
// to know that.
func (l *lines) read() (long bool, err error) {
	l.buf = l.buf[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if room := l.most + 1024 - len(l.buf); len(part) > room {
			long, part = true, part[:room]
		}
		l.buf = append(l.buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return long, err
		}
	}
}

// unpack returns the events of a value that is a batch as clients post it, or
// none when it is not.
func unpack(value []byte) [][]byte {
	if !bytes.Contains(value, []byte(`"batch"`)) {
		return nil
	}
	messages, ok, err := ingest.Split(value)
	if err != nil || !ok {
		return nil
	}
	return messages
}

// open makes the rows of a file.
func (o *Options) open(f io.Reader, s *survey) (rows, error) {
	in := decoded(f, s.encoding)
	switch s.format {
	case JSONLines:
		return newLines(in, o.MaxEventBytes), nil
	case JSON:
		return newValues(in), nil
	case CSV:
		return newTable(in, o)
	}
	return nil, fmt.Errorf("unknown format %q", s.format)
}
