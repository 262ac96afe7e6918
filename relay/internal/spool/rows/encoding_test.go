package rows

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEncodingsByName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, bytes, want string }{
		{"windows-1250", "\xa3ucja, z\xb3", "Łucja, zł"},
		{"cp1250", "\x8e", "Ž"},
		{"iso-8859-2", "\xa3ucja", "Łucja"},
		{"windows-1254", "\xdd\xfe\xfdk", "İşık"},
		{"windows-1251", "\xc0\xed\xed\xe0", "Анна"},
		{"shift_jis", "\x93\xfa\x95t", "日付"},
		{"windows-31j", "\x93\xfa\x95t", "日付"},
		{"Windows-1252", "\x80", "€"},
		{"", "\xef\xbb\xbfa", "a"},
	} {
		e, err := ParseEncoding(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got, _ := io.ReadAll(decoded(strings.NewReader(c.bytes), e)); string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if _, err := ParseEncoding("ebcdic"); err == nil || !strings.Contains(err.Error(), "windows-1250") {
		t.Errorf("ebcdic: %v", err)
	}
}

// Ctrl-Z at the end of a text is dropped, at most a block; anywhere else it stays.
func TestEndMarks(t *testing.T) {
	t.Parallel()
	marks := func(n int) string { return strings.Repeat("\x1a", n) }
	long := strings.Repeat("a,b\r\n", 5000)
	for text, want := range map[string]string{
		"":                            "",
		"a\r\n\x1a":                   "a\r\n",
		"a\x1a":                       "a",
		marks(1):                      "",
		long + marks(128):             long,
		long + marks(130):             long + marks(2),
		"a\x1ab\n":                    "a\x1ab\n",
		marks(9000) + "a":             marks(9000) + "a",
		long + marks(300) + long:      long + marks(300) + long,
		"\xff\xfea\x00\x1a\x00":       "a",
		long + marks(1) + "\r\n":      long + marks(1) + "\r\n",
		strings.Repeat("\x1a\n", 100): strings.Repeat("\x1a\n", 100),
	} {
		e := UTF8
		if strings.HasPrefix(text, "\xff") {
			e = UTF16
		}
		for _, in := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			if got, err := io.ReadAll(decoded(in, e)); err != nil || string(got) != want {
				t.Errorf("%.20q, %d bytes: %d bytes, %v, want %d", text, len(text), len(got), err, len(want))
			}
		}
	}
}
