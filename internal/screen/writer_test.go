package screen

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	for in, want := range map[string]string{
		"plain text\tand a tab\n":                              "plain text\tand a tab\n",
		"Zoë, 日本, 👍\n":                                         "Zoë, 日本, 👍\n",
		"a\x1b]0;title\x07b\x1b[2Jc\n":                         "a�]0;title�b�[2Jc\n",
		"a\u009b31mb\u202ec\u2066d\x7f\r":                      "a�31mb�c�d��",
		"bad \xff utf-8\n":                                     "bad � utf-8\n",
		"\x1b[31mred\x1b[0m\n":                                 "�[31mred�[0m\n",
		"{\"a\":\"\u009bb\u202e\u200f\U000e0001\"}\nx\u009b\n": "{\"a\":\"\\u009bb\\u202e\\u200f\\udb40\\udc01\"}\nx�\n",
		"  \"name\": \"\u2067\",\n":                            "  \"name\": \"\\u2067\",\n",
	} {
		for _, step := range []int{1, 2, 3, len(in)} {
			var b bytes.Buffer
			w := NewWriter(&b, false)
			for rest := in; rest != ""; {
				n := min(step, len(rest))
				if got, err := w.Write([]byte(rest[:n])); got != n || err != nil {
					t.Fatal(got, err)
				}
				rest = rest[n:]
			}
			if b.String() != want {
				t.Errorf("%q by %d: %q, want %q", in, step, &b, want)
			}
		}
	}
}

// Of the colour sequences, only those that relay uses pass.
func TestWriterColours(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, true)
	for _, s := range []string{"\x1b[3", "1mred\x1b[0m \x1b[8mhidden \x1b[2J\x1b]0;x\x07\n"} {
		_, _ = w.Write([]byte(s))
	}
	if want := "\x1b[31mred\x1b[0m �[8mhidden �[2J�]0;x�\n"; b.String() != want {
		t.Errorf("%q, want %q", &b, want)
	}
}

// JSON keeps its value.
func FuzzWriterJSON(f *testing.F) {
	f.Add("\u009b\u202e name \u200f\U000e0001 \x1b")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		if strings.ContainsRune(s, '\ufffd') {
			t.Skip()
		}
		in, err := json.Marshal(map[string]string{"v": s})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		_, _ = NewWriter(&b, false).Write(append(in, '\n'))
		var out map[string]string
		if err := json.Unmarshal(b.Bytes(), &out); err != nil || out["v"] != s {
			t.Errorf("%q became %q, %v", s, out["v"], err)
		}
	})
}
