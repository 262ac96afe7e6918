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
	Number int64           // 1 for the first
	line   int64           // of the file, where it begins
	Msg    track.Message   // valid until the next row
	Text   []byte          // as it stands in the file, for the report
	table  *tableNote      // how that is read; nil: it is JSON
	cells  []string        // of its first row, when it is of a table
	filled map[string]bool // what columns of the table fill: their paths, and their headers
	Joined int64           // rows that are of the same event, behind the first
	Timed  bool            // it is from a table that says times
	Once   string          // what makes it the same sale in another file
	Bad    *track.Problem  // it cannot become an event
}

// Reader reads the rows of a file. Next returns io.EOF behind the last row; any other error
// ends the file.
type Reader interface {
	Next(*Row) error
}

// packed takes the events of a value one by one: a batch as clients post it, or a
// list, holds many, anything else is one.
type packed struct {
	in    track.Reader
	sale  *saleOf  // nil: events are told apart by their messageId
	at    int      // the next message of the batch
	left  int      // messages of the batch
	items [][]byte // of the list
}

// open begins with a value. false: it holds many, or none.
func (p *packed) open(value []byte) (one Row, ok bool) {
	if items, ok := track.Items(value); ok {
		p.items = items
		return Row{}, false
	}
	// Most values are no batch: those that cannot be one are not read twice.
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

// one is the row of a value that is an event, or ought to be.
func (p *packed) one(value []byte) Row {
	msg, err := p.in.One(value)
	one := Row{Msg: msg, Bad: msg.Problem, Text: value}
	if err != nil {
		one.Bad = &track.Problem{Code: "invalid_json", Message: err.Error()}
	}
	p.sale.find(&one)
	return one
}

// next is the next event of a batch or a list.
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

// lines reads JSON lines. Blank ones do not count.
type lines struct {
	in     *bufio.Reader
	most   int
	number int64
	line   int64
	buf    []byte
	packed packed
}

// lineBytes bounds a line: a request body of the largest kind that a till has
// saved. What an event may have is less.
const lineBytes = 4 << 20

func newLines(r io.Reader, o *Options) (*lines, error) {
	sale, err := o.saleOf()
	return &lines{in: bufio.NewReaderSize(r, 1<<16), most: max(lineBytes, o.EventBytes), packed: packed{in: o.reader(), sale: sale}}, err
}

// reader judges the events of rows.
func (o *Options) reader() track.Reader {
	return track.Reader{Limits: track.Limits{EventBytes: o.EventBytes}, Key: o.PrintKey}
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

// Rows begins to read the rows of the file, as the survey found it.
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
