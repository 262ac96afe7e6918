package event

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzPlain: what the quick reader of JSON takes, it reads as jsontext does.
func FuzzPlain(f *testing.F) {
	for _, body := range goldenEvents(f) {
		f.Add(body)
	}
	for _, s := range []string{
		`{"a":1,"a":{"b":[1,2,[]]},"":"","b":-0.5e+7,"c":[true,false,null]} `, `[1,]`, `{"a":1,}`, `{"a" :1 , "b": "x\ty"}`, "{\"a\":\"x\ty\"}", `01`, `-`, `1.`, `1e`, `.5`,
		`{"a":"\u00e9\ud83d\ude00\""}`, `{"a":"\ud800"}`, `{"a":"\x"}`, `nul`, `truefalse`, `{"a":1}}`, `"`, `"\`, `{"a"`, `[1 2]`, `{1:2}`, "\xef\xbb\xbf{}", "\u00a0{}", "{}\x00", `[[[[]]]]`,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !utf8.Valid(body) {
			return
		}
		plain := NewDecoder()
		plain.text = string(body)
		if !plain.plain() {
			return
		}
		long := NewDecoder()
		long.text = string(body)
		want, err := long.anything(body)
		if err != nil {
			t.Fatalf("plain took %q, jsontext: %v", body, err)
		}
		if d := cmp.Diff(*want, plain.tree, cmp.AllowUnexported(Tree{}, Node{})); d != "" {
			t.Errorf("%q (-jsontext +plain):\n%s", body, d)
		}
	})
}

// goldenEvents are the events of the mapper's golden files.
func goldenEvents(t testing.TB) (out [][]byte) {
	t.Helper()
	files, err := filepath.Glob("../testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range a.Files {
			if filepath.Ext(x.Name) == ".json" {
				out = append(out, x.Data)
			}
		}
	}
	return out
}

// TestPlainTakesEvents: usual events do not go the long way.
func TestPlainTakesEvents(t *testing.T) {
	d := NewDecoder()
	d.text = `{"type":"track","event":"Order Completed","messageId":"m-1","timestamp":"2026-11-24T10:00:00.000Z","userId":null,
		"context":{"traits":{"email":"jane@example.com","name":"Zo\u00eb Müller","address":{"postalCode":"10115"}}},
		"properties":{"order_id":"A-1","total":129.90,"discount":-1.5e1,"gift":true,"products":[{"product_id":"s1","quantity":2},{}],"tags":[]}}`
	if !d.plain() {
		t.Error("an event is not read in one pass")
	}
}

// TestReleased: a decoder that is used again holds nothing of the event before.
func TestReleased(t *testing.T) {
	d := NewDecoder()
	if _, err := d.Decode([]byte(`{"a":{"b":["x",1]},"c":"\u00e9"}`)); err != nil || !d.Release() {
		t.Fatal(err)
	}
	tree, err := d.Decode([]byte(`{"a":{}}`))
	if err != nil || tree.Root.Get("c") != nil || !tree.Root.Get("a").Blank() {
		t.Fatalf("%v: %+v", err, tree)
	}
	if _, err := d.Decode([]byte(strings.Repeat(`[`, 900) + strings.Repeat(`]`, 900) + ` x`)); err == nil {
		t.Fatal("what follows the value is not seen")
	}
}

// TestPathErrors: what is no path is refused in words.
func TestPathErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "a path is empty", "a..b": "a name is missing", "a[": "[ without ]", "a[-1]": "no place in a list", "[0]": "begins with a name",
		`a["b]`: "ends with", "a b .c": "white space around", `a"b`: "quoted names", "a[0]b": "expected . or [",
	} {
		if _, err := ParsePath(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
