package event

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func decode(t *testing.T, text string) *Node {
	t.Helper()
	tree, err := NewDecoder().Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &tree.Root
}

// jsonOf returns a value as JSON, or "none" for nil.
func jsonOf(n *Node) string {
	if n == nil {
		return "none"
	}
	return string(AppendNode(nil, n))
}

// What is decoded can be written again. Numbers keep their text, members their order.
func TestDecodeAndAppendNode(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1,"a":[true,false,null,"x"]}`: `{"b":1,"a":[true,false,null,"x"]}`,
		`{"n":1.50,"e":1E+2,"z":-0}`:        `{"n":1.50,"e":1E+2,"z":-0}`,
		`["a\"b","\u00e9","\ud83d\ude00"]`:  `["a\"b","é","😀"]`,
		"\ufeff {\"a\" : [ ] , \"b\":{ } }": `{"a":[],"b":{}}`,
		`{"a":1,"b":2,"a":3}`:               `{"a":3,"b":2}`, // the last one, in the place of the first
		"{\"a\":\"x\xffy\"}":                `{"a":"x` + "\uFFFD" + `y"}`,
		"{\"\xff\":1}":                      `{"` + "\uFFFD" + `":1}`,
		`"\ud800"`:                          `"` + "\uFFFD" + `"`, // half of a pair
		`"text"`:                            `"text"`,
	} {
		if got := jsonOf(decode(t, text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "{", `{"a"}`, `{"a":}`, `{1:2}`, "[1,]", "[1 2]", `{"a":1}x`, `{"a":1}{"b":2}`, "nope", `"open`} {
		if _, err := NewDecoder().Decode([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// An event reports what was repaired, so that a note can say so.
func TestDecodeReports(t *testing.T) {
	var many strings.Builder // more members than are compared one by one
	for i := range 40 {
		fmt.Fprintf(&many, `"m%d":1,`, i)
	}
	for _, c := range []struct {
		text       string
		duplicates []string
		badUTF8    bool
	}{
		{`{"a":1,"b":2}`, nil, false},
		{`{"a":1,"a":2,"x":{"b":1,"b":1,"b":1},"y":[{"c":1},{"c":1}]}`, []string{"b", "b", "a"}, false},
		{`{"":1,"":2}`, []string{""}, false},
		{`{` + many.String() + `"m7":2}`, []string{"m7"}, false},
		{`{` + many.String() + `"other":2}`, nil, false},
		{"{\"a\":\"\xff\"}", nil, true},
	} {
		tree, err := NewDecoder().Decode([]byte(c.text))
		if err != nil || !slices.Equal(tree.Duplicates, c.duplicates) || tree.BadUTF8 != c.badUTF8 {
			t.Errorf("%s: duplicates %q, bad UTF-8 %v, %v", c.text, tree.Duplicates, tree.BadUTF8, err)
		}
	}
}

func TestDecodeDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if _, err := NewDecoder().Decode(nested(MaxDepth)); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
	if _, err := NewDecoder().Decode(nested(MaxDepth + 1)); !errors.Is(err, ErrTooDeep) {
		t.Errorf("%d levels: %v, want ErrTooDeep", MaxDepth+1, err)
	}
}

// A decoder that has grown for one large event is not kept.
func TestReleaseOfLargeEvent(t *testing.T) {
	d := NewDecoder()
	if _, err := d.Decode([]byte("[" + strings.Repeat("1,", 2*maxKeptNodes) + "1]")); err != nil {
		t.Fatal(err)
	}
	if d.Release() {
		t.Error("the decoder is kept")
	}
}

// Absent members need no check: every method accepts nil.
func TestAbsentNode(t *testing.T) {
	var n *Node
	if text, ok := n.ScalarText(); n.Get("x") != nil || n.Object() != nil || !n.Absent() || !n.Blank() || text != "" || ok {
		t.Error("nil is not an absent value")
	}
	if items, ok := n.Items(); items != nil || ok {
		t.Errorf("nil has items: %v", items)
	}
	if n.ParseJSONText() != nil {
		t.Error("nil has JSON text")
	}
	for range n.Destinations() {
		t.Error("nil has destinations")
	}
	if Shape(n) != "nothing" {
		t.Errorf("shape %q", Shape(n))
	}
}

// The kinds of values that tills put into a field.
func TestNodeKinds(t *testing.T) {
	for _, c := range []struct {
		text          string
		blank, absent bool
		scalar        string // "" for none
		id            string
		shape         string
	}{
		{`null`, true, true, "", "", "nothing"},
		{`""`, true, false, "", "", ""},
		{`" \t"`, true, false, " \t", "", " \t"},
		{`[]`, true, false, "", "", "a list"},
		{`[null,"",{}]`, true, false, "", "", "a list"},
		{`{"a":{"b":" "}}`, true, false, "", "", "an object"},
		{`{"a":0}`, false, false, "", "", "an object"},
		{`[false]`, false, false, "", "", "a list"},
		{`true`, false, false, "", "", "true or false"},
		{`false`, false, false, "", "", "true or false"},
		{`"Ada 7"`, false, false, "Ada 7", "Ada 7", "Xxx 9"},
		{`4242.0`, false, false, "4242", "4242", "9999.9"},
		{`1e400`, false, false, "", "", "9x999"},
		{`" 42\u200b42\ufeff "`, false, false, " 42\u200b42\ufeff ", "4242", " 99\u200b99\ufeff "},
		{`"\u200b"`, false, false, "\u200b", "", "\u200b"}, // invisible: no id
		{`"` + strings.Repeat("a", 41) + `"`, false, false, strings.Repeat("a", 41), strings.Repeat("a", 41), "long text"},
	} {
		n := decode(t, c.text)
		scalar, _ := n.ScalarText()
		id, ok := n.IDText()
		if n.Blank() != c.blank || n.Absent() != c.absent || scalar != c.scalar || id != c.id && ok || ok != (c.id != "") || Shape(n) != c.shape {
			t.Errorf("%s: blank %v, absent %v, scalar %q, id %q %v, shape %q", c.text, n.Blank(), n.Absent(), scalar, id, ok, Shape(n))
		}
	}
}

// A mask keeps the form of a value and none of its letters and digits.
func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"Ada 7, é中٣²": "Xxx 9, xx99", `"Ada\n\"7\""`: `"Xxx\n\"9\""`, `{"a":1}`: `{"x":9}`, "a😀": "xx", "e\u0301": "xx", `"open`: `"xxxx`, "": "",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if got := Quote("a\xff\"b"); got != `"a`+"\uFFFD"+`\"b"` {
		t.Errorf("quoted: %s", got)
	}
}

// PHP writes a list from which items were removed as an object with numbers.
func TestItems(t *testing.T) {
	for text, want := range map[string]string{
		`[1,2]`: "1 2", `[]`: "", `{"0":1,"2":3}`: "1 3", `{"10":1}`: "1",
		`{}`: "not a list", `{"a":1}`: "not a list", `{"0":1,"a":2}`: "not a list", `{"00":1}`: "not a list", `{"01":1}`: "not a list", `{"":1}`: "not a list",
		`{"1234567890":1}`: "not a list", `"text"`: "not a list", `1`: "not a list",
	} {
		items, ok := decode(t, text).Items()
		var got []string
		for i := range items {
			got = append(got, jsonOf(&items[i]))
		}
		if s := strings.Join(got, " "); ok != (want != "not a list") || ok && s != want {
			t.Errorf("%s: %q, %v; want %q", text, s, ok, want)
		}
	}
}

// Tables and form fields send lists and objects as text.
func TestParseJSONText(t *testing.T) {
	for text, want := range map[string]string{
		`"[1,2]"`: `[1,2]`, `" {\"a\":1} "`: `{"a":1}`, `"[1,2}"`: `"[1,2}"`, `"{a:1}"`: `"{a:1}"`, `"["`: `"["`, `"[]"`: `[]`, `"1"`: `"1"`, `[1]`: `[1]`,
	} {
		if got := jsonOf(decode(t, text).ParseJSONText()); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// Dates of birth as libraries write them.
func TestDateText(t *testing.T) {
	for text, want := range map[string]string{
		`"1990-05-17"`: "1990-05-17", `19900517`: "19900517", `[1990,5,17]`: "1990-5-17",
		`{"$date":"1990-05-17T00:00:00Z"}`: "1990-05-17T00:00:00Z", `{"$date":643075200000}`: "1990-05-19T00:00:00Z", `{"$date":{"$numberLong":"643075200000"}}`: "1990-05-19T00:00:00Z",
		`{"date":"1990-05-17 00:00:00.000000","timezone":"UTC"}`:    "1990-05-17 00:00:00Z",
		`{"date":"1990-05-17 00:00:00.000000","timezone":"+00:00"}`: "1990-05-17 00:00:00Z",
		`{"date":"1990-05-17 00:00:00","timezone":"Europe/Berlin"}`: "1990-05-17 00:00:00",
		`{"year":1990,"month":5,"day":17}`:                          "1990-5-17", `{"year":1990,"monthValue":5,"dayOfMonth":17,"month":"MAY"}`: "1990-5-17", `{"year":1990,"month":5,"dayOfMonth":17}`: "1990-5-17",
		`{"year":90,"month":5,"day":17}`: "", `{"month":5,"day":17}`: "", `{"year":1990}`: "", `{"$date":[1]}`: "", `{}`: "", `true`: "",
		`[1990,5]`: "", `[1990,5,"17"]`: "", `[90,5,17]`: "", `["1990",5,17]`: "",
	} {
		got, ok := decode(t, text).DateText()
		if got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v; want %q", text, got, ok, want)
		}
	}
}

func TestMarks(t *testing.T) {
	n := decode(t, `{"a":[{"b":1}],"c":2}`)
	b := n.Get("a").Kids[0].Get("b")
	b.Mark |= MarkPersonal | MarkKeep
	if !n.HasMark(MarkPersonal) || n.Get("c").HasMark(MarkPersonal) || n.HasMark(MarkOnly) {
		t.Error("HasMark does not find the mark of a nested node, or finds others")
	}
	n.ClearMark(MarkPersonal)
	if n.HasMark(MarkPersonal) || !n.HasMark(MarkKeep) {
		t.Error("ClearMark leaves the mark, or clears another one")
	}
}

// A message of an unknown type that names an event is a sale.
func TestIsOtherCall(t *testing.T) {
	for _, c := range []struct {
		typ   string
		named bool
		want  bool
	}{
		{"track", true, false},
		{" Track ", false, false},
		{"", false, false},
		{"identify", true, true},
		{"PAGE", true, true},
		{"record", true, true},
		{"order", true, false},
		{"order", false, true},
	} {
		if got := IsOtherCall(c.typ, c.named); got != c.want {
			t.Errorf("%q, named %v: %v", c.typ, c.named, got)
		}
	}
}

// Senders write the name of the destination and the opt-out in many ways. None must be missed.
func TestSwitchedOff(t *testing.T) {
	for text, want := range map[string]bool{
		`{}`: false, `{"All":true}`: false, `{"All":false}`: true, `{" all ":"FALSE"}`: true, `{"All":0}`: true, `{"All":0.0}`: true, `{"All":[]}`: false,
		`{"Facebook Conversions API":false}`: true, `{"FACEBOOK_CONVERSIONS_API (Actions)":"0"}`: true, `{"meta-offline-conversions":false}`: true,
		`{"All":false,"Facebook Conversions":true}`: false, `{"All":false,"Facebook Conversions":{}}`: false, `{"All":false,"Facebook Conversions":1}`: false,
		`{"All":false,"Facebook Conversions":"true"}`: false, `{"All":false,"Facebook Conversions":"1"}`: false, `{"All":false,"Facebook Conversions":2}`: true, `{"All":false,"Facebook Conversions":null}`: true,
		`{"Facebook Conversions":true,"Meta Conversions API":false}`: true, // one false is enough
		`{"Facebook Pixel Server-Side":false}`:                       true, `{"All":false,"Facebook Pixel Server-Side":true}`: true,
		`{"Google Ads Offline Conversions":false}`: false, `{"CRM":false}`: false, `{"Facebook Conversions":"no"}`: false,
	} {
		if got := SwitchedOff(decode(t, text)); got != want {
			t.Errorf("%s: switched off %v, want %v", text, got, want)
		}
	}
	if SwitchedOff(nil) {
		t.Error("an event without integrations is switched off")
	}
}
