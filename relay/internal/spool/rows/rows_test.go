package rows

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

// all reads every row of a file.
func all(t *testing.T, f *File, o Options) (bodies, bad []string) {
	t.Helper()
	s, err := f.Survey(t.Context(), 0, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.Rows(s, o)
	if err != nil {
		t.Fatal(err)
	}
	for last := int64(0); ; {
		var r Row
		if err := in.Next(&r); errors.Is(err, io.EOF) {
			return bodies, bad
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Number <= last {
			t.Errorf("Number %d follows %d", r.Number, last)
		}
		last = r.Number
		if r.Bad != nil {
			bad = append(bad, r.Problem(r.Bad, r.Text).String())
		} else {
			bodies = append(bodies, string(r.Msg.Body))
		}
	}
}

// The same sales in each format, with an unusable row between them.
func TestRows(t *testing.T) {
	t.Parallel()
	const a, b = `{"event":"Sale","timestamp":"2026-11-20T10:00Z","properties":{"n":1}}`, `{"event":"Sale","timestamp":"2026-11-20T11:00Z","properties":{"n":2}}`
	packed := func(text string) string {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		return out.String()
	}
	table := "event;timestamp;n\r\nSale;2026-11-20T10:00Z;1\r\nSale;2026-11-20T10:30Z\r\nSale;2026-11-20T11:00Z;2\r\n"
	for name, c := range map[string]struct{ text, bad string }{
		"JSON lines":      {a + "\n{\n" + b + "\n", "row 2 (line 2): "},
		"a list":          {"[" + a + ", 7,\n" + b + "]", "row 2: "},
		"a table":         {table, "row 2 (line 3): the row has 2 cells, the header 3"},
		"a packed one":    {packed(table), "row 2 (line 3): the row has 2 cells, the header 3"},
		"an open quote":   {strings.Replace(table, "Sale;2026-11-20T10:30Z", `Sale;"2026-11-20T10:30Z;3`, 1), "row 2 (line 3): a quote opens a cell"},
		"behind sep=;":    {"sep=;\n" + table, "row 2 (line 4): "},
		"lines ending CR": {strings.ReplaceAll(table, "\r\n", "\r"), "row 2 (line 3): "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bodies, bad := all(t, NewFile(strings.NewReader(c.text), 0), Options{})
			if got := strings.Join(bodies, " "); got != a+" "+b {
				t.Errorf("bodies %s", got)
			}
			if len(bad) != 1 || !strings.HasPrefix(bad[0], c.bad) {
				t.Errorf("problems %q, want %q", bad, c.bad)
			}
		})
	}
}

// Content that the survey has not seen is never returned.
func TestFileUnchangedSinceSurvey(t *testing.T) {
	t.Parallel()
	line := `{"event":"Sale","timestamp":"2026-11-20T10:00Z"}` + "\n"
	content := []byte(strings.Repeat(line, 3*blockBytes/len(line)))
	f := NewFile(bytes.NewReader(content), 0)
	s, err := f.Survey(t.Context(), 0, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	copy(content[2*blockBytes-len(line):], strings.ReplaceAll(line, "Sale", "Sold")) // in the second block
	in, err := f.Rows(s, Options{})
	for err == nil {
		var r Row
		if err = in.Next(&r); err == nil && bytes.Contains(r.Text, []byte("Sold")) {
			t.Fatal("changed content was returned")
		}
	}
	if !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}

// The size is checked before the file is read, and while it is unpacked.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	for _, most := range []int64{9, 10} {
		_, err := NewFile(strings.NewReader("0123456789"), most).Survey(t.Context(), 0, func(int64) {})
		if refused := errors.As(err, new(*FormatError)) && strings.Contains(err.Error(), "too large"); refused != (most == 9) {
			t.Errorf("limit %d: %v", most, err)
		}
	}
}
