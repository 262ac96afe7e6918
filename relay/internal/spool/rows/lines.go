package rows

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// textLines reads a table line by line. Lines end with LF, CRLF, or with CR where
// the first one does. Lines may be put back.
type textLines struct {
	in    *bufio.Reader
	most  int  // bytes of a line; what is more of it is dropped
	cr    bool // CR alone ends a line
	line  int64
	at    int64      // bytes that were read of the table
	ahead []textLine // put back, the next one last
}

type textLine struct {
	text   string
	number int64 // 1 for the first of the file
	at     int64 // where it begins in the table
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

// next is the next line; io.EOF behind the last.
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

// back puts lines back, the first of them to be the next.
func (l *textLines) back(lines []textLine) {
	for _, line := range slices.Backward(lines) {
		l.ahead = append(l.ahead, line)
	}
}

// read reads one line, of an overlong one only the beginning. The text is without
// its end; io.EOF with a text says that it has none.
func (l *textLines) read() (buf []byte, long bool, err error) {
	for {
		if _, err := l.in.Peek(1); err != nil {
			return buf, long, err
		}
		data, _ := l.in.Peek(l.in.Buffered()) // it is there
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

// skip passes over bytes that are in the buffer.
func (l *textLines) skip(n int) {
	_, _ = l.in.Discard(n)
	l.at += int64(n)
}
