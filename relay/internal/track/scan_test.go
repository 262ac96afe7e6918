package track

import (
	"bytes"
	"encoding/json"
	"regexp"
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
	`NaN`, `[NaN,Infinity,-Infinity]`, `{"a":-Infinity}`, `Nan`, `-NaN`, `+Infinity`, `Infinityx`, `"NaN"`, `{"NaN":1}`, `{NaN:1}`, `-I`,
	`{"a":1,"\u0061":2}`, `{"a":[{"b":1,"b":2}]}`, `{"a":{"b":1},"b":{"a":1}}`, `{"":1,"":2}`, `[{"a":1},{"a":2}]`,
}

var bareWords = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// strict returns b with the three words that are not JSON replaced by null. It shares no code
// with the scanner.
func strict(b []byte) (out []byte, nan bool) {
	return bareWords.ReplaceAllFunc(b, func(m []byte) []byte {
		if m[0] == '"' {
			return m
		}
		nan = true
		return []byte("null")
	}), nan
}

// agree compares the scanner with encoding/json, and both with jsontext where they differ on
// purpose: jsontext refuses invalid UTF-8, the scanner leaves that to utf8.Valid, encoding/json
// does not check.
func agree(t *testing.T, b []byte) {
	t.Helper()
	s, ok := scanAll(b)
	std, nan := b, false
	if ok && s.nan || !ok && (bytes.Contains(b, []byte("NaN")) || bytes.Contains(b, []byte("Infinity"))) {
		if std, nan = strict(b); ok && !nan {
			t.Fatalf("the scanner reports NaN where there is none: %q", b)
		}
	}
	// encoding/json stops at 10,000 levels; the scanner has no limit.
	if s.deepest > 10000 {
		return
	}
	if want := json.Valid(std); ok != want {
		t.Fatalf("scanner %v, encoding/json %v: %q (%s at %d)", ok, want, b, s.what, s.i)
	}
	again := jsontext.Value(std).IsValid(jsontext.AllowDuplicateNames(true))
	if !ok {
		if again {
			t.Fatalf("the scanner refuses what jsontext accepts: %q", b)
		}
		if s.i > len(b) || s.what == "" {
			t.Fatalf("bad fault position: %d of %d, %q", s.i, len(b), s.what)
		}
		return
	}
	if !again && utf8.Valid(b) && !s.halfPairs {
		t.Fatalf("the scanner accepts what jsontext refuses for another reason than UTF-8 or half pairs: %q", b)
	}
	if !s.nonASCII && !utf8.Valid(b) {
		t.Fatalf("not UTF-8, but nonASCII is not set: %q", b)
	}
	fixed := bytes.Clone(std)
	if s.nonASCII && !utf8.Valid(b) {
		fixed = ToUTF8(nil, std)
		if len(fixed) > 3*len(std) {
			t.Fatalf("%d bytes became %d", len(std), len(fixed))
		}
	}
	fixHalfPairs(fixed)
	if !jsontext.Value(fixed).IsValid(jsontext.AllowDuplicateNames(true)) {
		t.Fatalf("jsontext refuses the repaired text: %q -> %q", b, fixed)
	}
	// Names can only be compared if they are valid text.
	if unique := jsontext.Value(fixed).IsValid(); !s.nonASCII && !s.halfPairs && s.repeated == unique {
		t.Fatalf("repeated names: scanner %v, jsontext %v: %q", s.repeated, !unique, b)
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range scanSeeds {
		f.Add([]byte(s))
		f.Add([]byte(`{"batch":[` + s + `]}`))
	}
	f.Fuzz(agree)
}

// FuzzMessage compares the scanner's view of a message with that of encoding/json.
func FuzzMessage(f *testing.F) {
	for _, s := range append(scanSeeds,
		`{"type":"track","event":"Order Completed","messageId":"m-1","userId":"u"}`,
		`{"event":"a","event":"b","messageId":1,"type":"track"}`,
		`{"\u0065vent":"\ud83d\ude00","messageId":"\n","context":{"a":1}}`,
		`{"event":1e5,"messageId":-0.0,"type":null,"Event":"no"}`,
	) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s scanner
		var m message
		err := s.single(b, &m)
		if s, ok := scanAll(b); ok != (err == nil) {
			t.Fatalf("parsed as a message: %v, as a value: %v: %q", err, ok, b)
		} else if !ok || !utf8.Valid(b) || s.deepest > 10000 || s.nan {
			return
		}
		var fields map[string]json.RawMessage
		isObject := json.Unmarshal(b, &fields) == nil && fields != nil
		if m.isObject != isObject {
			t.Fatalf("isObject = %v, want %v: %q", m.isObject, isObject, b)
		}
		if !isObject {
			return
		}
		if s, _ := scanAll(b); s.deepest != int(m.depth) {
			t.Fatalf("depth %d, want %d", m.depth, s.deepest)
		}
		for name, p := range map[string]span{
			"type": m.typ, "event": m.event, "messageId": m.id, "context": m.context, "integrations": m.integrations, "sentAt": m.sentAt,
			"timestamp": m.timestamp, "originalTimestamp": m.original, "properties": m.properties, "writeKey": m.writeKey,
		} {
			raw, has := fields[name]
			if has != p.ok() || has && !bytes.Equal(raw, p.of(b)) {
				t.Fatalf("%s is %q, want %q: %q", name, p.of(b), raw, b)
			}
			var want string
			if has && json.Unmarshal(raw, &want) == nil && p.kind(b) == '"' {
				if got, ok := s.text(b, p); !ok || string(got) != want {
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
		{`{"a":1,}`, "the body is not JSON: expected a name at byte 7"},
		{`{"a":nan}`, "the body is not JSON: unexpected character at byte 5"},
	} {
		var r Reader
		if err := r.Scan([]byte(tc.body), false); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, want %s", tc.body, err, tc.want)
		}
	}
}

// A body that nests as deep as it can, or has as many members as it can, costs memory in
// proportion, and the scanner keeps none of it.
func TestScanHostile(t *testing.T) {
	t.Parallel()
	n := 2 << 20
	deep := []byte(strings.Repeat("[", n) + strings.Repeat("]", n))
	s, ok := scanAll(deep)
	if !ok || s.deepest != n {
		t.Fatalf("ok %v, deepest %d", ok, s.deepest)
	}
	if s.reset(nil); s.levels != nil {
		t.Error("a scanner keeps the memory of a deep body")
	}
	objects := []byte(strings.Repeat(`{"":`, n/4) + "1" + strings.Repeat("}", n/4))
	if s, ok = scanAll(objects); !ok || s.repeated {
		t.Fatalf("ok %v, repeated %v", ok, s.repeated)
	}
	members := []byte(`{` + strings.Repeat(`"":0,`, n/5) + `"":0}`)
	if s, ok = scanAll(members); !ok || !s.repeated {
		t.Fatalf("ok %v, repeated %v", ok, s.repeated)
	}
	if s.reset(nil); cap(s.names) > maxKept || cap(s.starts) > maxKept {
		t.Error("a scanner keeps the memory of a body with many names")
	}
}
