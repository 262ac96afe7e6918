package rows

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"
)

// Seeker says whether something is about a person.
type Seeker interface {
	Event(body []byte, id string, received time.Time) bool
	Text(s string) bool
	Cells(cells []string) bool
}

// ErrUnsearchable says that nobody can look into a file.
var ErrUnsearchable = errors.New("it holds no rows of text")

// Forget copies the rows of a file that are not about the person, as UTF-8; gone
// are the others. A file of more than most bytes, packed or not, is ErrUnsearchable.
func Forget(ctx context.Context, in io.ReadSeeker, kept *bytes.Buffer, layout *Layout, most int64, who Seeker) (gone int, err error) {
	w := NewFile(in, most)
	s, err := w.Survey(ctx, 0, func(int64) {})
	if _, ok := errors.AsType[*FormatError](err); ok {
		return 0, ErrUnsearchable
	}
	if err != nil {
		return 0, err
	}
	if s.Encoding != UTF8 { // as what an earlier one has copied is
		s.Assume(layout.Encoding)
	}
	content, err := w.reader()
	if err != nil {
		return 0, err
	}
	text := decoded(content, s.Encoding)
	switch s.Format {
	case CSV:
		gone, err = filterTable(text, kept, layout, who)
	case JSON:
		gone, err = filterValues(text, kept, who)
	default:
		gone, err = filterLines(text, kept, who)
	}
	if err != nil || !w.gzip || kept.Len() == 0 {
		return gone, err
	}
	plain := bytes.Clone(kept.Bytes())
	kept.Reset()
	z := gzip.NewWriter(kept)
	_, err = z.Write(plain)
	return gone, errors.Join(err, z.Close())
}
