package ingest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

func scanAll(b []byte) (*scanner, bool) {
	s := &scanner{}
	s.reset(b)
	s.space()
	return s, s.value() && s.end()
}

var scanSeeds = []string{
	``, ` `, `{}`, `[]`, `null`, `true`, `false`, `nul`, `truex`, `0`, `-0`, `-`, `01`, `1.`, `1.5e+10`, `1e`, `.5`, `+1`, `1e999999`,
	`""`, `"`, `"\`, `"\u12"`, `"\u12G4"`, `"\ud800"`, `"\ud83d\ude00"`, `"\x"`, "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\t\"",
	`[1,]`, `[,1]`, `[1 2]`, `[1`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `{"a":1 "b":2}`, `{"a":1]`, `[1}`, `[[]]]`, `{} {}`,
	"\xef\xbb\xbf{}", "\"\xff\"", "\"\xc3\xbc\"", "\"\xed\xa0\x80\"", "{\"a\xff\":1}", "\xff", "[\xa0]", "\v{}", "{}\x00", "\x01", "[\x01]",
	`{"a":{"b":[1,2,{"c":null}]},"a":2}`, strings.Repeat("[", 200) + strings.Repeat("]", 200), strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70),
	`"aaaaaaa\"b"`, `"aaaaaaaa"`, `"aaaaaaaaa` + "\x1f" + `"`, `"` + strings.Repeat("a", 30) + `\n"`, "[1,\n\r\t 2 ]",
}

// agree compares the scanner with encoding/json, and both with jsontext on
// what they are to differ in: jsontext as it is used here refuses invalid
// UTF-8, the scanner leaves that to utf8.Valid, encoding/json does not look.
func agree(t *testing.T, b []byte) {
	t.Helper()
	s, ok := scanAll(b)
	// encoding/json stops at 10,000 levels; the scanner has no limit.
	if s.deepest <= 10000 {
		if want := json.Valid(b); ok != want {
			t.Fatalf("scanner says %v, encoding/json %v: %q (%s at %d)", ok, want, b, s.what, s.i)
		}
		strict := jsontext.Value(b).IsValid(jsontext.AllowDuplicateNames(true))
		if !ok && strict {
			t.Fatalf("scanner refuses what jsontext takes: %q", b)
		}
		if ok && !strict && utf8.Valid(b) && !s.halves {
			t.Fatalf("scanner takes what jsontext refuses, and it is neither UTF-8 nor half a pair: %q", b)
		}
	}
	if !ok {
		if s.i > len(b) || s.what == "" {
			t.Fatalf("fault at %d of %d, %q", s.i, len(b), s.what)
		}
		return
	}
	if !s.wide && !utf8.Valid(b) {
		t.Fatalf("not UTF-8 and not marked wide: %q", b)
	}
	mended := bytes.Clone(b)
	if s.wide && !utf8.Valid(b) {
		mended = toUTF8(nil, b)
		if len(mended) > 3*len(b) {
			t.Fatalf("%d bytes became %d", len(b), len(mended))
		}
	}
	mendHalves(mended)
	if s.deepest <= 10000 && !jsontext.Value(mended).IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Fatalf("mended, jsontext still refuses it: %q -> %q", b, mended)
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
		f.Add([]byte(`{"batch":[` + s + `]}`))
	}
	f.Fuzz(agree)
}

// FuzzDecode holds what the decoder says of a message against encoding/json.
func FuzzDecode(f *testing.F) {
	for _, s := range append(scanSeeds,
		order,
		`{"event":"a","event":"b","messageId":1,"type":"track"}`,
		`{"\u0065vent":"\ud83d\ude00","messageId":"\n","context":{"a":1}}`,
		`{"event":1e5,"messageId":-0.0,"type":null,"Event":"no"}`,
	) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d decoder
		err := d.single(b)
		if s, ok := scanAll(b); ok != (err == nil) {
			t.Fatalf("decoder says %v, scanner %v: %q", err, ok, b)
		} else if !ok || !utf8.Valid(b) || s.deepest > 10000 {
			return
		}
		var fields map[string]json.RawMessage
		isObject := json.Unmarshal(b, &fields) == nil && fields != nil
		m := d.env.messages[0]
		if m.object != isObject {
			t.Fatalf("object %v, want %v: %q", m.object, isObject, b)
		}
		if !isObject {
			return
		}
		if s, _ := scanAll(b); s.deepest != m.depth {
			t.Fatalf("depth %d, want %d", m.depth, s.deepest)
		}
		for name, p := range map[string]span{
			"type": m.typ, "event": m.event, "messageId": m.id, "context": m.context,
			"integrations": m.integrations, "sentAt": m.sentAt, "writeKey": m.writeKey,
		} {
			raw, has := fields[name]
			if has != p.ok() || has && !bytes.Equal(raw, b[p.from:p.to]) {
				t.Fatalf("%s is %q, want %q: %q", name, b[p.from:p.to], raw, b)
			}
			var want string
			if has && json.Unmarshal(raw, &want) == nil && d.kind(p) == '"' {
				if got, ok := d.text(p); !ok || string(got) != want {
					t.Fatalf("text of %s is %q, want %q", name, got, want)
				}
			}
		}
	})
}

func TestScanFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ body, want string }{
		{`{"a":1,"b":tru}`, "the body is not JSON: unexpected character at byte 11"},
		{`{"a":1`, "the body is not JSON: unexpected end at byte 6"},
		{`{"secret name" 1}`, "the body is not JSON: expected a colon at byte 15"},
		{"{\"a\":\"b\nc\"}", "the body is not JSON: control character in a string at byte 7"},
		{`[1,2] x`, "the body is not JSON: unexpected character after the value at byte 6"},
		{`{"a":"\q"}`, `the body is not JSON: bad escape at byte 6`},
		{`{"a":01}`, "the body is not JSON: unexpected character at byte 6"},
	} {
		var d decoder
		if err := d.single([]byte(tc.body)); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", tc.body, err, tc.want)
		}
	}
}

// TestScanDeep nests as deep as a body can: no stack grows, little memory does.
func TestScanDeep(t *testing.T) {
	t.Parallel()
	n := 2 << 20
	b := []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	s, ok := scanAll(b)
	if !ok || s.deepest != n {
		t.Fatalf("ok %v, deepest %d", ok, s.deepest)
	}
	if s.reset(nil); s.levels != nil {
		t.Error("a scanner keeps the memory of a hostile body")
	}
}
