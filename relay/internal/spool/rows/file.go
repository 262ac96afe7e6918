package rows

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

const blockBytes = 1 << 20

// File reads a file exactly as it was at the survey: every later pass returns a block only after
// comparing its digest.
//
// Invariant: no byte that the survey has not seen reaches a reader.
type File struct {
	f    io.ReadSeeker
	ctx  context.Context // passed to Survey; it ends every pass //nolint:containedctx // readers have no other way
	max  int64           // limit of the bytes, packed and unpacked; 0: none
	size int64           // of the file as stored
	sums [][sha256.Size]byte
	gzip bool
	past int64
}

// NewFile returns a File for f, which can have at most max bytes, packed and unpacked; 0: any
// number.
func NewFile(f io.ReadSeeker, max int64) *File { return &File{f: f, max: max} }

// BytesRead returns how many bytes of the file the current pass has read.
func (w *File) BytesRead() int64 { return w.past }

// Survey reads all of f once. If mark is not 0, the result also has the digest of the first mark
// (unpacked) bytes. progress is called with the bytes read so far.
func (w *File) Survey(ctx context.Context, mark int64, progress func(int64)) (*Survey, error) {
	size, err := w.f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = w.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, err
	}
	w.ctx = ctx
	if size > w.max && w.max > 0 {
		return nil, &FormatError{Err: fmt.Errorf("%w: it has %d bytes, the limit is %d", errTooLarge, size, w.max)}
	}
	rec := &recorder{f: &ctxReader{ctx, w.f}}
	in := bufio.NewReaderSize(rec, 1<<16)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if err := unsupported(head); err != nil {
		return nil, &FormatError{Err: err}
	}
	if !isText(head) && !bytes.HasPrefix(head, []byte(magicGzip)) {
		return nil, &FormatError{Err: errors.New("the file is not text: it contains NUL bytes. Export the sales as CSV or JSON lines")}
	}
	w.gzip = bytes.HasPrefix(head, []byte(magicGzip))
	var content io.Reader = in
	if w.gzip {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, &FormatError{fmt.Errorf("unpack gzip: %w", err), true}
		}
		un := bufio.NewReaderSize(&unpackLimiter{in: z, packed: func() int64 { return rec.n }}, 1<<16)
		head, err := un.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, &FormatError{fmt.Errorf("unpack gzip: %w", err), true}
		}
		if err := unsupported(head); err != nil {
			return nil, &FormatError{Err: fmt.Errorf("in the gzip file: %w", err)}
		}
		content = un
	}
	if w.max > 0 {
		content = &sizeLimiter{content, w.max}
	}
	s, err := survey(ctx, content, mark, progress)
	if errors.Is(err, errTooLarge) {
		return nil, &FormatError{Err: err}
	}
	if err != nil {
		if w.gzip && ctx.Err() == nil {
			err = &FormatError{fmt.Errorf("unpack gzip: %w", err), true}
		}
		return nil, err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	w.size, w.sums = rec.n, rec.done()
	s.Packed = w.size
	return s, nil
}

// reader starts another pass over the content that the survey has seen.
func (w *File) reader() (io.Reader, error) {
	if _, err := w.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	w.past = 0
	v := &verifiedReader{w: w}
	if !w.gzip {
		return v, nil
	}
	z, err := gzip.NewReader(v)
	if err != nil {
		return nil, fmt.Errorf("unpack gzip: %w", err)
	}
	return z, nil
}

// errTooLarge reports that a file exceeds the size limit.
var errTooLarge = errors.New("the file is too large: split it")

// sizeLimiter fails with errTooLarge after left bytes.
type sizeLimiter struct {
	in   io.Reader
	left int64
}

func (a *sizeLimiter) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// ctxReader is a reader that fails once ctx is done.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // readers have no other way
	in  io.Reader
}

func (e *ctxReader) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.in.Read(p)
}

// isText returns false if head has more consecutive NUL bytes than text can have, even UTF-16:
// a file that was enlarged but not written.
func isText(head []byte) bool {
	return !bytes.Contains(head, make([]byte, 16))
}

// recorder computes the digest of each block read through it.
type recorder struct {
	f    io.Reader
	n    int64
	sums [][sha256.Size]byte
	part []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.f.Read(p)
	r.n += int64(n)
	for b := p[:n]; len(b) > 0; {
		k := min(len(b), blockBytes-len(r.part))
		r.part = append(r.part, b[:k]...)
		b = b[k:]
		if len(r.part) == blockBytes {
			r.sums = append(r.sums, sha256.Sum256(r.part))
			r.part = r.part[:0]
		}
	}
	return n, err
}

func (r *recorder) done() [][sha256.Size]byte {
	if len(r.part) > 0 {
		r.sums = append(r.sums, sha256.Sum256(r.part))
		r.part = nil
	}
	return r.sums
}

// verifiedReader returns the blocks of a file that are unchanged since the survey.
type verifiedReader struct {
	w     *File
	block int
	buf   []byte // of which rest has not been returned yet
	rest  []byte
	err   error
}

func (v *verifiedReader) Read(p []byte) (int, error) {
	if len(v.rest) == 0 && v.err == nil {
		v.next()
	}
	if len(v.rest) == 0 {
		return 0, v.err
	}
	n := copy(p, v.rest)
	v.rest = v.rest[n:]
	return n, nil
}

func (v *verifiedReader) next() {
	if v.block == len(v.w.sums) {
		v.err = io.EOF
		return
	}
	if v.buf == nil {
		v.buf = make([]byte, min(blockBytes, v.w.size))
	}
	if v.err = v.w.ctx.Err(); v.err != nil {
		return
	}
	want := min(blockBytes, v.w.size-int64(v.block)*blockBytes)
	n, err := io.ReadFull(v.w.f, v.buf[:want])
	v.w.past += int64(n)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), err == nil && sha256.Sum256(v.buf[:n]) != v.w.sums[v.block]:
		v.err = ErrChanged
	case err != nil:
		v.err = fmt.Errorf("read file: %w", err)
	default:
		v.rest = v.buf[:n]
		v.block++
	}
}

// unpackLimiter fails if a file unpacks to far more than a table of sales can.
type unpackLimiter struct {
	in     io.Reader
	n      int64
	packed func() int64
}

const (
	unpackFree   = 64 << 20
	unpackFactor = 250
)

func (b *unpackLimiter) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.n += int64(n)
	if b.n > unpackFree && b.n/unpackFactor > b.packed() {
		return 0, fmt.Errorf("it unpacks to more than %d times its size, which no export does", unpackFactor)
	}
	return n, err
}

const magicGzip = "\x1f\x8b\x08"

// unsupported returns an error that names the kind of a file without rows of text, and what to
// do instead.
func unsupported(head []byte) error {
	for _, k := range []struct{ magic, words string }{
		{"PK\x03\x04", "the file is an Excel workbook (.xlsx) or another zip archive: save it as CSV (in Excel: Save as, CSV UTF-8), or unpack it first"},
		{"\xd0\xcf\x11\xe0", "the file is an old Excel workbook (.xls): save it as CSV (in Excel: Save as, CSV UTF-8)"},
		{"%PDF", "the file is a PDF: export the sales as CSV or JSON lines"},
		{"SQLite format 3", "the file is an SQLite database: export the sales as CSV or JSON lines"},
		{`{\rtf`, "the file is a text document (RTF): save it as CSV"},
		{"\x28\xb5\x2f\xfd", "the file is packed with zstd: unpack it first, or pack it with gzip"},
		{"BZh", "the file is packed with bzip2: unpack it first, or pack it with gzip"},
		{"\xfd7zXZ", "the file is packed with xz: unpack it first, or pack it with gzip"},
		{"7z\xbc\xaf", "the file is a 7z archive: unpack it first"},
		{"Rar!", "the file is a RAR archive: unpack it first"},
		{"PAR1", "the file is a Parquet table: export the sales as CSV or JSON lines"},
	} {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return errors.New(k.words)
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"))
	switch {
	case bytes.HasPrefix(text, []byte("<?xml")):
		return errors.New("the file is XML: export the sales as CSV or JSON lines")
	case bytes.HasPrefix(text, []byte("<!doctype")), bytes.HasPrefix(text, []byte("<html")), bytes.HasPrefix(text, []byte("<table")), bytes.HasPrefix(text, []byte("<meta")):
		return errors.New("the file is an HTML page, which some systems save under the name of an Excel file: open it in a spreadsheet and save it as CSV")
	}
	return nil
}
