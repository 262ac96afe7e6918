package rows

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"time"
)

// Matcher reports whether something is about a person; person.Matcher is one.
type Matcher interface {
	Event(body []byte, id string, received time.Time) bool
	Text(s string) bool
	Cells(cells []string) bool
}

// ErrUnsearchable reports a file that cannot be searched.
var ErrUnsearchable = errors.New("it has no rows of text")

// Forget copies the rows that are not about the person to kept, as UTF-8, and returns how many
// it removed. A file of more than max bytes, packed or not, is ErrUnsearchable.
func Forget(ctx context.Context, in io.ReadSeeker, kept *bytes.Buffer, layout *Layout, max int64, who Matcher) (gone int, err error) {
	w := NewFile(in, max)
	s, err := w.Survey(ctx, 0, func(int64) {})
	if _, ok := errors.AsType[*FormatError](err); ok {
		return 0, ErrUnsearchable
	}
	if err != nil {
		return 0, err
	}
	if s.Encoding != UTF8 { // it can already be a UTF-8 copy that an earlier Forget made
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
