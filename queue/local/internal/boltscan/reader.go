package boltscan

import (
	"errors"
	"io"
)

// readAhead reads in large blocks. It is for reading a file from beginning to end.
type readAhead struct {
	r   io.ReaderAt
	at  int64
	buf []byte
}

const aheadBytes = 256 << 10

func (r *readAhead) ReadAt(b []byte, off int64) (int, error) {
	end := off + int64(len(b))
	if off < r.at || end > r.at+int64(len(r.buf)) {
		if len(b) > aheadBytes/2 {
			return r.r.ReadAt(b, off)
		}
		if r.buf == nil {
			r.buf = make([]byte, 0, aheadBytes)
		}
		n, _ := r.r.ReadAt(r.buf[:aheadBytes], off)
		r.at, r.buf = off, r.buf[:n]
		if n < len(b) { // end of the file, or an unreadable page
			return r.r.ReadAt(b, off)
		}
	}
	return copy(b, r.buf[off-r.at:]), nil
}

// watchedReader remembers the first error other than io.EOF.
type watchedReader struct {
	r   io.ReaderAt
	err error // the first
}

func (r *watchedReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := r.r.ReadAt(b, off)
	if err != nil && r.err == nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
