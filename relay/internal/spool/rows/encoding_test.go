package rows

import (
	"io"
	"strings"
	"testing"
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
