package mapper

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzPlain: what the quick reader of JSON takes, it reads as jsontext does.
func FuzzPlain(f *testing.F) {
	addEvents(f)
	for _, s := range []string{
		`{"a":1,"a":{"b":[1,2,[]]},"":"","b":-0.5e+7,"c":[true,false,null]} `, `[1,]`, `{"a":1,}`, `{"a" :1 , "b": "x\ty"}`, "{\"a\":\"x\ty\"}", `01`, `-`, `1.`, `1e`, `.5`,
		`{"a":"\u00e9\ud83d\ude00\""}`, `{"a":"\ud800"}`, `{"a":"\x"}`, `nul`, `truefalse`, `{"a":1}}`, `"`, `"\`, `{"a"`, `[1 2]`, `{1:2}`, "\xef\xbb\xbf{}", "\u00a0{}", "{}\x00", `[[[[]]]]`,
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !utf8.Valid(body) {
			return
		}
		plain := newDecoder()
		plain.text = string(body)
		if !plain.plain() {
			return
		}
		long := newDecoder()
		long.text = string(body)
		want, err := long.anything(body)
		if err != nil {
			t.Fatalf("plain took %q, jsontext: %v", body, err)
		}
		if d := cmp.Diff(*want, plain.tree, cmp.AllowUnexported(tree{}, node{})); d != "" {
			t.Errorf("%q (-jsontext +plain):\n%s", body, d)
		}
	})
}

// TestPlainTakesEvents: usual events do not go the long way.
func TestPlainTakesEvents(t *testing.T) {
	d := newDecoder()
	if d.text = benchmarkEvent; !d.plain() {
		t.Error("the event of the benchmark is not read in one pass")
	}
}
