package event

import (
	"strings"
	"testing"
)

// TestDecoderReuse checks that a reused decoder holds nothing of the previous event.
func TestDecoderReuse(t *testing.T) {
	d := NewDecoder()
	if _, err := d.Decode([]byte(`{"a":{"b":["x",1]},"c":"\u00e9"}`)); err != nil || !d.Release() {
		t.Fatal(err)
	}
	tree, err := d.Decode([]byte(`{"a":{}}`))
	if err != nil || tree.Root.Get("c") != nil || !tree.Root.Get("a").Blank() {
		t.Fatalf("%v: %+v", err, tree)
	}
	if _, err := d.Decode([]byte(strings.Repeat(`[`, 900) + strings.Repeat(`]`, 900) + ` x`)); err == nil {
		t.Fatal("data after the value is accepted")
	}
}

func TestPathErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "the path is empty", "a..b": "a name is missing", "a[": "[ without ]", "a[-1]": "[-1] is not an index", "[0]": "must begin with a name",
		`a["b]`: "must end with", "a b .c": "white space around", `a"b`: "quoted names", "a]b": "unexpected", `a["b"`: "must end with", "a[x]": "is not an index", "a.": "a name is missing", "a[0]b": "expected . or [",
	} {
		if _, err := ParsePath(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
