package track

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestToUTF8(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"Windows-1252", "M\xfcller \x80 5 \x96 caf\xe9", "Müller € 5 – café"},
		{"undefined in Windows-1252", "a\x81b", "a\ufffdb"},
		{"mixed", "Müller \xff", "Müller \ufffd"},
		{"cut in the middle of a letter", "ok ü \xc3", "ok ü \ufffd"},
		{"surrogate in UTF-8", "ü\xed\xa0\x80", "ü\ufffd\ufffd\ufffd"},
	} {
		if got := string(ToUTF8([]byte("keep "), []byte(tc.in))); got != "keep "+tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestFixHalfPairs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{`"\ud83d\ude00"`, `"\ud83d\ude00"`},
		{`"\ud83d"`, `"\ufffd"`},
		{`"\ude00"`, `"\ufffd"`},
		{`"\uD83Dx\uDE00"`, `"\ufffdx\ufffd"`},
		{`"\ud83d\ud83d\ude00"`, `"\ufffd\ud83d\ude00"`},
		{`"\\ud83d"`, `"\\ud83d"`},
		{`"\\\ud83d"`, `"\\\ufffd"`},
		{`"\u0041\ud83d\u0041"`, `"\u0041\ufffd\u0041"`},
	} {
		b := []byte(tc.in)
		if fixHalfPairs(b); string(b) != tc.want {
			t.Errorf("%s -> %s, want %s", tc.in, b, tc.want)
		}
	}
}

func TestWithoutNaN(t *testing.T) {
	t.Parallel()
	in := `{"NaN":[NaN,-Infinity,Infinity,-1,"NaN \" -Infinity \\",N,-I,Inf]} NaN`
	want := `{"NaN":[null,null,null,-1,"NaN \" -Infinity \\",N,-I,Inf]} null`
	for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in))} {
		if got, err := io.ReadAll(WithoutNaN(r)); err != nil || string(got) != want {
			t.Errorf("%v: %s", err, got)
		}
		if got, err := io.ReadAll(iotest.OneByteReader(WithoutNaN(strings.NewReader(in)))); err != nil || string(got) != want {
			t.Errorf("read byte by byte: %v: %s", err, got)
		}
	}
}
