package rows

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// textLines reads a table line by line. Lines end with LF or CRLF, or with CR if the first line
// does. Lines can be put back.
type textLines struct {
	in    *bufio.Reader
	most  int  // bytes kept of a line; the rest is dropped
	cr    bool // CR alone ends a line
	line  int64
	at    int64      // offset in the table of the next byte to read
	ahead []textLine // lines that were put back, the next one last
}

type textLine struct {
	text   string
	number int64 // line number in the file, from 1
	at     int64 // offset in the table
	long   bool
}

func newTextLines(r io.Reader, most int) (*textLines, error) {
	l := &textLines{in: bufio.NewReaderSize(r, 1<<16), most: most}
	head, err := l.in.Peek(1 << 16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if at := bytes.IndexAny(head, "\r\n"); at >= 0 && head[at] == '\r' {
		l.cr = at+1 == len(head) || head[at+1] != '\n'
	}
	return l, nil
}

// next returns the next line; io.EOF after the last.
func (l *textLines) next() (textLine, error) {
	if n := len(l.ahead); n > 0 {
		line := l.ahead[n-1]
		l.ahead = l.ahead[:n-1]
		return line, nil
	}
	at := l.at
	buf, long, err := l.read()
	if err != nil && (!errors.Is(err, io.EOF) || len(buf) == 0) {
		return textLine{}, err
	}
	l.line++
	return textLine{text: string(buf), number: l.line, at: at, long: long}, nil
}

// putBack puts lines back, so that next returns them again in order.
func (l *textLines) putBack(lines []textLine) {
	for _, line := range slices.Backward(lines) {
		l.ahead = append(l.ahead, line)
	}
}

// read reads one line without its line end; of a too long one only the beginning. io.EOF with a
// text means that the last line has no line end.
func (l *textLines) read() (buf []byte, long bool, err error) {
	for {
		if _, err := l.in.Peek(1); err != nil {
			return buf, long, err
		}
		data, _ := l.in.Peek(l.in.Buffered()) // they are buffered
		at := bytes.IndexByte(data, '\n')
		if l.cr {
			at = bytes.IndexAny(data, "\r\n")
		}
		part := data
		if at >= 0 {
			part = data[:at]
		}
		if room := l.most - len(buf); len(part) > room {
			long, part = true, part[:room]
		}
		buf = append(buf, part...)
		if at < 0 {
			l.skip(len(data))
			continue
		}
		end := data[at]
		l.skip(at + 1)
		if b, _ := l.in.Peek(1); end == '\r' && len(b) == 1 && b[0] == '\n' {
			l.skip(1)
		}
		return bytes.TrimSuffix(buf, []byte("\r")), long, nil
	}
}

// skip discards buffered bytes.
func (l *textLines) skip(n int) {
	_, _ = l.in.Discard(n)
	l.at += int64(n)
}
