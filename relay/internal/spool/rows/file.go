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

// File reads a file as it was at the survey, or not at all: every later pass
// hands out a block only after its digest has been compared.
//
// Invariant: no byte that the survey has not seen reaches a reader.
type File struct {
	f    io.ReadSeeker
	ctx  context.Context // of the survey: it ends every pass //nolint:containedctx // readers have no other way
	most int64           // bytes that the file, and what it unpacks to, may have; 0: any number
	size int64           // of the file, as it lies there
	sums [][sha256.Size]byte
	gzip bool
	past int64
}

// NewFile reads f, which may have, and unpack to, so many bytes; 0: any number.
func NewFile(f io.ReadSeeker, most int64) *File { return &File{f: f, most: most} }

// Past are the bytes of the file that the pass at hand has read.
func (w *File) Past() int64 { return w.past }

// Survey reads all of f once. mark is a number of (unpacked) bytes behind which
// the digest so far is wanted too.
func (w *File) Survey(ctx context.Context, mark int64, told func(int64)) (*Survey, error) {
	size, err := w.f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = w.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, err
	}
	w.ctx = ctx
	if size > w.most && w.most > 0 {
		return nil, &FormatError{Err: fmt.Errorf("%w: it has %d bytes, and may have %d", errTooLarge, size, w.most)}
	}
	rec := &recorder{f: &ending{ctx, w.f}}
	in := bufio.NewReaderSize(rec, 1<<16)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if err := foreign(head); err != nil {
		return nil, &FormatError{Err: err}
	}
	if !isText(head) && !bytes.HasPrefix(head, []byte(magicGzip)) {
		return nil, &FormatError{Err: errors.New("the file is no text: NUL bytes are in it. Export the sales as CSV or JSON lines")}
	}
	w.gzip = bytes.HasPrefix(head, []byte(magicGzip))
	var content io.Reader = in
	if w.gzip {
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, &FormatError{fmt.Errorf("unpack gzip: %w", err), true}
		}
		un := bufio.NewReaderSize(&bounded{in: z, packed: func() int64 { return rec.n }}, 1<<16)
		head, err := un.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, &FormatError{fmt.Errorf("unpack gzip: %w", err), true}
		}
		if err := foreign(head); err != nil {
			return nil, &FormatError{Err: fmt.Errorf("in the gzip file: %w", err)}
		}
		content = un
	}
	if w.most > 0 {
		content = &atMost{content, w.most}
	}
	s, err := look(ctx, content, mark, told)
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

// reader is one more pass over what the survey has seen.
func (w *File) reader() (io.Reader, error) {
	if _, err := w.f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	w.past = 0
	v := &verified{w: w}
	if !w.gzip {
		return v, nil
	}
	z, err := gzip.NewReader(v)
	if err != nil {
		return nil, fmt.Errorf("unpack gzip: %w", err)
	}
	return z, nil
}

// errTooLarge says that a file is larger than may be read.
var errTooLarge = errors.New("the file is too large: split it")

// atMost ends with errTooLarge behind so many bytes.
type atMost struct {
	in   io.Reader
	left int64
}

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.in.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// ending is a reader that ends with ctx.
type ending struct {
	ctx context.Context //nolint:containedctx // readers have no other way
	in  io.Reader
}

func (e *ending) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.in.Read(p)
}

// isText tells text from what has so many NUL bytes in a row as no text has, UTF-16
// neither: a file that was made larger and not written.
func isText(head []byte) bool {
	return !bytes.Contains(head, make([]byte, 16))
}

// recorder notes the digest of each block of what is read through it.
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

// verified hands out the blocks of a file that are as the survey saw them.
type verified struct {
	w     *File
	block int
	buf   []byte // of which rest is still to be handed out
	rest  []byte
	err   error
}

func (v *verified) Read(p []byte) (int, error) {
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

func (v *verified) next() {
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

// bounded refuses what unpacks to far more than any table of sales does.
type bounded struct {
	in     io.Reader
	n      int64
	packed func() int64
}

const (
	unpackFree   = 64 << 20
	unpackFactor = 250
)

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.n += int64(n)
	if b.n > unpackFree && b.n/unpackFactor > b.packed() {
		return 0, fmt.Errorf("it unpacks to over %d times its size, which no export does", unpackFactor)
	}
	return n, err
}

const magicGzip = "\x1f\x8b\x08"

// foreign says what a file is that holds no rows of text, and the way out.
func foreign(head []byte) error {
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
		return errors.New("the file is an HTML page, as some systems write under the name of an Excel file: open it in a spreadsheet and save it as CSV")
	}
	return nil
}
