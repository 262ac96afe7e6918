package rows

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"relay/relay/internal/track"
)

// Row is one event of a file.
type Row struct {
	Number int64          // from 1
	line   int64          // line of the file where it begins
	Msg    track.Message  // valid until the next row
	Text   []byte         // as in the file, for the report
	table  *tableNote     // how Text is read; nil: it is JSON
	cells  []string       // of its first row, if it is from a table
	cols   *columns       // of its table; nil: it is JSON
	Joined int64          // rows of the same event after the first
	Timed  bool           // its table has a time column
	SaleID string         // identifies the sale across files
	Bad    *track.Problem // why it cannot become an event
}

// Reader reads the rows of a file. Next returns io.EOF after the last row; any other error ends
// the file.
type Reader interface {
	Next(*Row) error
}

// packed reads the events in a JSON value one by one. A batch as clients post it and a list
// contain several; any other value is one event.
type packed struct {
	in    track.Reader
	sale  *saleFinder // nil: events are identified by their messageId
	at    int         // index of the next message of the batch
	left  int         // messages left in the batch
	items [][]byte    // items left of the list
}

// open starts with a value. ok is false if it is a batch or list, whose events next returns.
func (p *packed) open(value []byte) (one Row, ok bool) {
	if items, ok := track.Items(value); ok {
		p.items = items
		return Row{}, false
	}
	// Most values are not batches: values that cannot be one are not parsed twice.
	if bytes.Contains(value, []byte(`"batch"`)) || bytes.Contains(value, []byte(`\u`)) {
		batch, err := p.in.Batch(value)
		var bad *track.Problem
		switch {
		case errors.As(err, &bad):
			return Row{Bad: bad, Text: value[:min(len(value), 1024)]}, true
		case err == nil && batch:
			p.at, p.left = 0, p.in.Len()
			return Row{}, false
		}
	}
	return p.one(value), true
}

// one returns the row of a value that is, or should be, an event.
func (p *packed) one(value []byte) Row {
	msg, err := p.in.One(value)
	one := Row{Msg: msg, Bad: msg.Problem, Text: value}
	if err != nil {
		one.Bad = &track.Problem{Code: "invalid_json", Message: err.Error()}
	}
	p.sale.find(&one)
	return one
}

// next returns the next event of a batch or a list.
func (p *packed) next() (Row, bool) {
	if len(p.items) > 0 {
		item := p.items[0]
		p.items = p.items[1:]
		return p.one(item), true
	}
	if p.left == 0 {
		return Row{}, false
	}
	msg := p.in.Next(p.at)
	p.at, p.left = p.at+1, p.left-1
	one := Row{Msg: msg, Bad: msg.Problem, Text: msg.Body}
	p.sale.find(&one)
	return one, true
}

// lines reads JSON lines. Blank lines do not count.
type lines struct {
	in     *bufio.Reader
	most   int
	number int64
	line   int64
	buf    []byte
	packed packed
}

// lineBytes bounds a line: the largest request body that a till can have saved. An event can
// have less.
const lineBytes = 4 << 20

func newLines(r io.Reader, o *Options) (*lines, error) {
	sale, err := o.saleFinder()
	return &lines{in: bufio.NewReaderSize(r, 1<<16), most: max(lineBytes, o.EventBytes), packed: packed{in: o.reader(), sale: sale}}, err
}

// reader returns the parser for the events of rows.
func (o *Options) reader() track.Reader {
	return track.Reader{Limits: track.Limits{EventBytes: o.EventBytes}, Key: o.FingerprintKey}
}

func (l *lines) Next(r *Row) error {
	for {
		var ok bool
		if *r, ok = l.packed.next(); ok {
			l.number++
			r.Number, r.line = l.number, l.line
			return nil
		}
		long, err := l.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(l.buf) == 0) {
			return err
		}
		l.line++
		text := bytes.TrimSpace(l.buf)
		switch {
		case len(text) == 0 && err != nil:
			return io.EOF
		case len(text) == 0:
			continue
		case long:
			*r = Row{Text: text[:min(len(text), 1024)], Bad: &track.Problem{Code: track.TooLarge.Code, Message: "the line is over the size limit of a request"}}
		default:
			if *r, ok = l.packed.open(text); !ok {
				continue
			}
		}
		l.number++
		r.Number, r.line = l.number, l.line
		return nil
	}
}

// read reads one line into buf; of a too long one only enough to detect that.
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

// Rows starts a pass over the rows of the file, with the survey's encoding and format.
func (w *File) Rows(s *Survey, o Options) (Reader, error) {
	o.EventBytes = cmp.Or(o.EventBytes, DefaultEventBytes)
	f, err := w.reader()
	if err != nil {
		return nil, err
	}
	in := decoded(f, s.Encoding)
	switch s.Format {
	case JSONLines:
		return newLines(in, &o)
	case JSON:
		return newValues(in, &o)
	case CSV:
		return newTable(in, &o)
	}
	return nil, fmt.Errorf("unknown format %q", s.Format)
}
