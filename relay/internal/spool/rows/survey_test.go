package rows

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// The survey detects format and encoding, counts invalid bytes and digests the content.
func TestSurvey(t *testing.T) {
	t.Parallel()
	utf16 := func(text string, big bool) string {
		var b strings.Builder
		for _, r := range text {
			if big {
				b.Write([]byte{byte(r >> 8), byte(r)})
			} else {
				b.Write([]byte{byte(r), byte(r >> 8)})
			}
		}
		return b.String()
	}
	for _, c := range []struct {
		name, text string
		format     Format
		encoding   Encoding
		stray      int64
		ended      bool
	}{
		{"an empty file", "", JSONLines, UTF8, 0, false},
		{"JSON lines", "{\"event\":\"E\"}\n{\"event\":\"E\"}\n", JSONLines, UTF8, 0, true},
		{"one value over lines", "{\n\"event\":\"E\"\n}\n", JSON, UTF8, 0, true},
		{"a list", " [{\"event\":\"E\"}]", JSON, UTF8, 0, false},
		{"a table", "event,n\r\nE,1", CSV, UTF8, 0, false},
		{"a byte order mark", "\xef\xbb\xbf{\"event\":\"E\"}\n", JSONLines, UTF8, 0, true},
		{"UTF-16 with a mark", "\xff\xfe" + utf16("event,n\nE,1\n", false), CSV, UTF16, 0, true},
		{"UTF-16 without", utf16("event,n\nE,1\n", false), CSV, UTF16, 0, true},
		{"big-endian without a mark", utf16("event,n\nE,1\n", true), CSV, utf16BE, 0, true},
		{"mostly UTF-8", "event,n\nÄÖÜ,\xff\n", CSV, UTF8, 1, true},
		{"Windows-1252", "event,n\nM\xfcller,1\n", CSV, Windows1252, 0, true},
	} {
		s, err := NewFile(strings.NewReader(c.text), 0).Survey(t.Context(), 3, func(int64) {})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		sum := sha256.Sum256([]byte(c.text))
		if s.Format != c.format || s.Encoding != c.encoding || s.Stray != c.stray || s.Ended != c.ended || s.Digest != hex.EncodeToString(sum[:]) || s.Size != int64(len(c.text)) || s.Unclear != nil {
			t.Errorf("%s: %+v", c.name, s)
		}
		if len(c.text) >= 3 {
			sum = sha256.Sum256([]byte(c.text[:3]))
			if s.Marked != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: Marked is not the digest of the first bytes", c.name)
			}
		}
	}
}

// A file of another kind is refused with its kind.
func TestUnsupportedFiles(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"PK\x03\x04xxxx": "Excel workbook (.xlsx)", "\xd0\xcf\x11\xe0xx": "old Excel workbook", "%PDF-1.7": "PDF", "{\\rtf1": "RTF", "BZh9": "bzip2", "PAR1": "Parquet",
		"<?xml version=\"1.0\"?>": "XML", "\xef\xbb\xbf <!DOCTYPE html>": "HTML", "<table>": "HTML", "SQLite format 3\x00": "SQLite",
		"event" + strings.Repeat("\x00", 16): "NUL bytes", "\x1f\x8b\x08 broken": "unpack gzip",
	} {
		_, err := NewFile(strings.NewReader(text), 0).Survey(t.Context(), 0, func(int64) {})
		if !errors.As(err, new(*FormatError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// A JSON file that stops being JSON keeps the events before the fault.
func TestValues(t *testing.T) {
	t.Parallel()
	const event = `{"event":"E"}`
	for _, c := range []struct {
		name, text string
		rows       int
		want       string // error
	}{
		{"values over lines", "{\n\"event\":\"E\"\n}\n" + event, 2, ""},
		{"a list", "[\n" + event + ",\n" + event + "]", 2, ""},
		{"a list of batches", `[{"batch":[` + event + `,` + event + `]},` + event + `]`, 3, ""},
		{"NaN", "[\n{\"event\":\"E\",\"a\":NaN}]", 1, ""},
		{"a comma between values", "{\n\"event\":\"E\"\n},\n" + event, 1, "after value 1 the file is not JSON (byte 15): there is a comma between two values"},
		{"a value without an end", `[{"event":"E"},{"event":"` + strings.Repeat("x", valueBytes+1<<20), 1, "read JSON: after value 1: a value is larger than 32 MiB"},
		{"no JSON", "{\n\"event\":\"E\"\n}\nnonsense", 1, "after value 1 the file is not JSON"},
		{"cut", "[\n" + event + ",{\"ev", 1, "read JSON"},
	} {
		f := NewFile(strings.NewReader(c.text), 0)
		s, err := f.Survey(t.Context(), 0, func(int64) {})
		if err != nil || s.Format != JSON {
			t.Fatalf("%s: %+v, %v", c.name, s, err)
		}
		in, err := f.Rows(s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for err == nil {
			var r Row
			if err = in.Next(&r); err == nil {
				n++
			}
		}
		if n != c.rows || (err.Error() == "EOF") != (c.want == "") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d rows, %v, want %d, %q", c.name, n, err, c.rows, c.want)
		}
	}
}

// A problem shows only the form of a time.
func TestForm(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"20/11/2026 16:00"`: "99/99/9999 99:99", `"Zeb 7"`: "aaa 9", `12`: "99", `{"a":1}`: "of a list or an object", `""`: "of a list or an object",
		`"` + strings.Repeat("7", 50) + `"`: strings.Repeat("9", 40) + "…",
	} {
		if got := form([]byte(value)); got != want {
			t.Errorf("form(%s) = %q, want %q", value, got, want)
		}
	}
}
