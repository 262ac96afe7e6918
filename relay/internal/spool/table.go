package spool

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"relay/relay/internal/track"
)

// table reads CSV with a header.
type table struct {
	in     *csv.Reader
	guard  *guard
	cols   *columns
	width  int
	number int64
	buf    []byte
	text   bytes.Buffer
	packed track.Reader
}

// errLong ends a file in which a quote opens and never closes: what follows
// cannot be told apart any more.
var errLong = errors.New("a row is longer than any event may be; is a quote missing?")

// guard bounds what a row may make the CSV reader hold.
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

func newTable(r io.Reader, o *Options) (*table, error) {
	// The CSV reader reads ahead; the first line is wanted whole.
	head := newLines(r, o)
	head.most = 1 << 16 // of a header
	if _, err := head.read(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read header: %w", err)
	}
	first := bytes.Clone(head.buf)
	t := &table{guard: &guard{in: io.MultiReader(bytes.NewReader(first), head.in), most: 4*o.MaxEventBytes + 1<<16}}
	t.packed = o.reader()
	t.guard.left = t.guard.most
	t.in = csv.NewReader(t.guard)
	t.in.FieldsPerRecord = -1
	t.in.ReuseRecord = true
	t.in.Comma = o.Comma
	if o.Comma == 0 {
		t.in.Comma = separator(first)
	}
	header, err := t.in.Read()
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	t.width = len(header)
	t.cols, err = newColumns(header, o.Columns, o.Event)
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	return t, nil
}

// separator is the likeliest one of a header: the most frequent outside quotes.
func separator(header []byte) rune {
	best, most := ',', 0
	for _, c := range ",;\t|" {
		n, quoted := 0, false
		for _, b := range header {
			switch {
			case b == '"':
				quoted = !quoted
			case !quoted && rune(b) == c:
				n++
			}
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

func (t *table) next(r *row) error {
	for {
		t.guard.left = t.guard.most
		cells, err := t.in.Read()
		var fault *csv.ParseError
		if err != nil && !errors.As(err, &fault) {
			return err // io.EOF among them
		}
		if err == nil && blank(cells) {
			continue
		}
		t.number++
		*r = row{number: t.number}
		switch {
		case fault != nil && errors.Is(fault.Err, errLong):
			return errLong
		case fault != nil:
			r.line = int64(fault.StartLine)
			r.bad = &track.Problem{Code: "invalid_csv", Message: faultWords(fault)}
		default:
			line, _ := t.in.FieldPos(0)
			r.line = int64(line)
			r.text = t.plain(cells)
			if len(cells) != t.width {
				r.bad = &track.Problem{Code: "wrong_columns", Message: fmt.Sprintf("the row has %d cells, the header %d", len(cells), t.width)}
				return nil
			}
			t.buf = t.cols.event(t.buf[:0], cells)
			if r.msg, err = t.packed.One(t.buf); err != nil {
				r.bad = &track.Problem{Code: "invalid_json", Message: err.Error()} // a cell of JSON that is none
			} else {
				r.bad = r.msg.Problem
			}
		}
		return nil
	}
}

// faultWords says how much a fault has cost: a quote that does not close takes
// the lines behind it along.
func faultWords(f *csv.ParseError) string {
	if f.Line > f.StartLine {
		return fmt.Sprintf("lines %d to %d: %v", f.StartLine, f.Line, f.Err)
	}
	return f.Err.Error()
}

// plain is the row as CSV with commas.
func (t *table) plain(cells []string) []byte {
	t.text.Reset()
	w := csv.NewWriter(&t.text)
	_ = w.Write(cells) // a buffer takes everything
	w.Flush()
	return bytes.TrimRight(t.text.Bytes(), "\n")
}

func blank(cells []string) bool {
	for _, c := range cells {
		if strings.TrimSpace(c) != "" {
			return false
		}
	}
	return true
}
