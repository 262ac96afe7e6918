package strictyaml

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// parse parses a text and fails the test on an error.
func parse(t *testing.T, src string) *Document {
	t.Helper()
	d, err := Parse("f.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// field returns a value that must be there.
func field(t *testing.T, d *Document, name string) Value {
	t.Helper()
	o, _ := d.Root().Object()
	v, ok := o.Field(name)
	if !ok {
		t.Fatalf("no %s", name)
	}
	return v
}

// The text of a scalar is as written, whatever its type.
func TestTextIsAsWritten(t *testing.T) {
	for written, want := range map[string]string{
		"0123": "0123", "0x1F": "0x1F", "1_000": "1_000", "1e3": "1e3", "701000000000001": "701000000000001",
		"99999999999999999999999": "99999999999999999999999", "1.10": "1.10", ".5": ".5", "+1": "+1",
		"NO": "NO", "yes": "yes", "on": "on", "y": "y", "true": "true", "False": "False",
		"2024-01-01": "2024-01-01", "2024-01-01T10:00:00Z": "2024-01-01T10:00:00Z", "12:30:45": "12:30:45",
		".inf": ".inf", ".NaN": ".NaN", "<x": "<x", "=": "=", "a b": "a b",
		`"quoted"`: "quoted", `'it''s'`: "it's", `"null"`: "null", `"~"`: "~", `""`: "", `"a\tb"`: "a\tb", `"\u00e9"`: "é",
		"!!str 5": "5", "|\n  two\n  lines\n": "two\nlines\n", ">\n  folded\n  line\n": "folded line\n",
		"Straße": "Straße", "\"<<\"": "<<",
	} {
		v := field(t, parse(t, "k: "+written+"\n"), "k")
		if got, ok := v.Text(); !ok || got != want {
			t.Errorf("%s: got %q, %v; want %q", written, got, ok, want)
		}
	}
	for _, null := range []string{"", "~", "null", "Null", "NULL"} {
		if v := field(t, parse(t, "k: "+null+"\n"), "k"); !v.IsNull() || v.Kind() != NullKind {
			t.Errorf("%q is not null", null)
		}
	}
}

// number reads a value with one of the typed accessors and returns the result as text.
func read[T any](t *testing.T, written string, get func(Value) (T, bool)) string {
	t.Helper()
	d := parse(t, "k: "+written+"\n")
	v, ok := get(field(t, d, "k"))
	if err := d.Err(); err != nil {
		p := err.(Problems)[0]
		if ok {
			t.Errorf("%s: ok in spite of %s", written, p.Message)
		}
		if p.Hint != "" {
			return p.Message + " | " + p.Hint
		}
		return p.Message
	}
	if !ok {
		t.Errorf("%s: not ok and no problem", written)
	}
	return fmt.Sprint(v)
}

func TestTypedScalars(t *testing.T) {
	boolean := func(w string) string { return read(t, w, Value.Bool) }
	whole := func(w string) string { return read(t, w, Value.Int) }
	number := func(w string) string { return read(t, w, Value.Float) }
	duration := func(w string) string { return read(t, w, Value.Duration) }
	size := func(w string) string { return read(t, w, Value.Size) }
	text := func(w string) string { return read(t, w, Value.Text) }
	const (
		noDuration = "k: expected a duration such as 2s, 10m or 62d, found "
		noSize     = "k: expected a size such as 500KB or 4MiB, found "
	)
	for _, tt := range []struct {
		read          func(string) string
		written, want string
	}{
		{boolean, "true", "true"},
		{boolean, `"false"`, "false"},
		{boolean, "True", `k: expected true or false, found "True" | write true`},
		{boolean, "no", `k: expected true or false, found "no" | write false`},
		{boolean, "maybe", `k: expected true or false, found "maybe"`},
		{boolean, "", "k: expected true or false, found nothing | give it a value or remove the key"},
		{boolean, "[true]", "k: expected true or false, found a list"},
		{whole, "0", "0"},
		{whole, "-5", "-5"},
		{whole, `"12"`, "12"},
		{whole, "9223372036854775807", "9223372036854775807"},
		{whole, "9223372036854775808", `k: "9223372036854775808" is too large`},
		{whole, "0123", `k: expected a whole number, found "0123" | write 123`},
		{whole, "1,000", `k: expected a whole number, found "1,000" | write 1000`},
		{whole, "0x10", `k: expected a whole number, found "0x10"`},
		{whole, "1.0", `k: expected a whole number, found "1.0"`},
		{whole, "+3", `k: expected a whole number, found "+3" | write 3`},
		{whole, "{a: 1}", "k: expected a whole number, found an object"},
		{number, "0.1", "0.1"},
		{number, "-2", "-2"},
		{number, "1,5", `k: expected a number, found "1,5" | write 1.5`},
		{number, ".5", `k: expected a number, found ".5" | write 0.5`},
		{number, "1e5", `k: expected a number, found "1e5"`},
		{number, ".inf", `k: expected a number, found ".inf"`},
		{number, strings.Repeat("9", 400), `k: "` + strings.Repeat("9", 60) + `…" is too large`},
		{duration, "0", "0s"},
		{duration, "2s", "2s"},
		{duration, "500ms", "500ms"},
		{duration, "1h30m", "1h30m0s"},
		{duration, "62d", "1488h0m0s"},
		{duration, "2w", "336h0m0s"},
		{duration, "1.5h", "1h30m0s"},
		{duration, "0.1s", "100ms"},
		{duration, "2", noDuration + `"2" | add the unit: 2s for seconds`},
		{duration, "-2s", noDuration + `"-2s" | a duration cannot be negative`},
		{duration, "2 s", noDuration + `"2 s"`},
		{duration, "2s1", noDuration + `"2s1"`},
		{duration, "1y", noDuration + `"1y"`},
		{duration, "300000d", noDuration + `"300000d"`},
		{size, "0", "0"},
		{size, "1048576", "1048576"},
		{size, "4MiB", "4194304"},
		{size, "500KB", "500000"},
		{size, "500 kB", "500000"},
		{size, "1.5GiB", "1610612736"},
		{size, "64 b", "64"},
		{size, "4M", noSize + `"4M" | write 4MiB (powers of 1024) or 4MB (powers of 1000)`},
		{size, "1.0001KiB", noSize + `"1.0001KiB"`},
		{size, "9000000TiB", noSize + `"9000000TiB"`},
		{size, "-1", noSize + `"-1"`},
		{text, "[a]", "k: expected text, found a list"},
		{text, "{a: b}", "k: expected text, found an object"},
		{text, "", "k: expected text, found nothing | give it a value or remove the key"},
	} {
		if got := tt.read(tt.written); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.written, got, tt.want)
		}
	}
	if d, err := ParseDuration("1d12h"); err != nil || d != 36*time.Hour {
		t.Errorf("ParseDuration: %v, %v", d, err)
	}
}

func TestListsAndObjects(t *testing.T) {
	d := parse(t, "one: a\nlist: [a, b]\nnone:\nobject: {x: 1, \"dotted.key\": {y: [z]}}\n")
	for name, want := range map[string]string{"one": "[a]", "list": "[a b]", "none": "[]"} {
		if got := fmt.Sprint(field(t, d, name).Texts()); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if items, ok := field(t, d, "none").List(); !ok || len(items) != 0 {
		t.Error("nothing is an empty list")
	}
	if o, ok := field(t, d, "none").Object(); !ok || o.Len() != 0 {
		t.Error("nothing is an empty object")
	}
	o, _ := field(t, d, "object").Object()
	dotted, _ := o.Field("dotted.key")
	inner, _ := dotted.Object()
	y, _ := inner.Field("y")
	items, _ := y.List()
	if got := items[0].Path(); got != `object["dotted.key"].y[0]` {
		t.Errorf("path %s", got)
	}
	if l, c := items[0].Pos(); l != 4 || c != 35 {
		t.Errorf("at %d:%d", l, c)
	}
	if l, c := dotted.Key().Pos(); l != 4 || c != 16 {
		t.Errorf("key at %d:%d", l, c)
	}
	if _, ok := field(t, d, "one").List(); ok {
		t.Error("text is no list")
	}
	if _, ok := field(t, d, "list").Object(); ok {
		t.Error("a list is no object")
	}
	want := "f.yaml:1:6: one: expected a list, found a single value\nf.yaml:2:7: list: expected an object, found a list"
	if err := d.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// An alias is read as its anchor's value. A problem of the value's use is reported at the alias, one
// inside the value at the anchor, once.
func TestAliases(t *testing.T) {
	d := parse(t, "a: &x {n: many}\nb: *x\nc: *x\nd: &y text\ne: [*y, *y]\n")
	for _, name := range []string{"a", "b", "c"} {
		o, _ := field(t, d, name).Object()
		n, _ := o.Field("n")
		n.Int()
		o.Done()
	}
	field(t, d, "b").Text()
	if got := fmt.Sprint(field(t, d, "e").Texts()); got != "[text text]" {
		t.Error(got)
	}
	want := []string{
		`f.yaml:1:11: a.n: expected a whole number, found "many"`,
		`f.yaml:1:11: b.n: expected a whole number, found "many"`,
		`f.yaml:1:11: c.n: expected a whole number, found "many"`,
		"f.yaml:2:4: b: expected text, found an object",
	}
	if err := d.Err(); err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownKeys(t *testing.T) {
	d := parse(t, "lsten: a\nmapping: b\nfoo: c\nburst: d\ninner: {x: 1}\n")
	o, _ := d.Root().Object()
	for _, name := range []string{"listen", "mapping", "inner"} {
		o.Field(name)
	}
	inner, _ := field(t, d, "inner").Object()
	inner.Done()
	if got := len(o.Unknown()); got != 3 {
		t.Errorf("%d unknown", got)
	}
	o.Done(func(name string) string {
		if name == "burst" {
			return `"burst" belongs under "rate"`
		}
		return ""
	})
	want := `f.yaml:1:1: unknown key "lsten"
  1 | lsten: a
    | ^
    = did you mean "listen"?

f.yaml:3:1: unknown key "foo"
  3 | foo: c
    | ^

f.yaml:4:1: unknown key "burst"
  4 | burst: d
    | ^
    = "burst" belongs under "rate"

f.yaml:5:9: inner: unknown key "x"
  5 | inner: {x: 1}
    |         ^`
	if got := d.Err().(Problems).Render(); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestNeedAndFields(t *testing.T) {
	d := parse(t, "b: 1\na: 2\n")
	o, _ := d.Root().Object()
	if _, ok := o.Need("c"); ok {
		t.Error("c is there")
	}
	names := ""
	for _, f := range o.Fields() {
		names += f.Name
	}
	if names != "ba" {
		t.Errorf("order %s", names)
	}
	o.Done()
	if err := d.Err(); err == nil || err.Error() != `f.yaml:1:1: the key "c" is missing` {
		t.Errorf("got %v", err)
	}
	var zero Object
	if _, ok := zero.Field("x"); ok || zero.Len() != 0 {
		t.Error("the zero object has fields")
	}
}

func TestWarningsAreNoErrors(t *testing.T) {
	d := parse(t, "b: 1\na: 2\n")
	field(t, d, "a").Warnf("odd %d", 1).WithHint("change %s", "it")
	field(t, d, "b").Warnf("odd %d", 2)
	if err := d.Err(); err != nil {
		t.Errorf("got %v", err)
	}
	ws := d.Warnings()
	if len(ws) != 2 || ws[0].Error() != "f.yaml:1:4: b: odd 2" {
		t.Fatalf("got %v", ws)
	}
	if got := ws[1].Render(); got != "f.yaml:2:4: warning: a: odd 1\n  2 | a: 2\n    |    ^\n    = change it" {
		t.Errorf("got %s", got)
	}
}

// Accessors return the text that Expand inserted, and no message shows it.
func TestExpand(t *testing.T) {
	d := parse(t, "n: \"$n\"\nsecret: $secret\nlist: [$n, plain]\nbad: $bad\nnone:\n")
	seen := []string{}
	d.Expand(func(v Value, text string) (string, error) {
		seen = append(seen, v.Path()+"="+text)
		switch text {
		case "$n":
			return "5", nil
		case "$secret":
			return "hunter2", nil
		case "$bad":
			return "", fmt.Errorf("cannot be had")
		}
		return text, nil
	})
	if got := strings.Join(seen, " "); got != "n=$n secret=$secret list[0]=$n list[1]=plain bad=$bad" {
		t.Errorf("saw %s", got)
	}
	if n, ok := field(t, d, "n").Int(); !ok || n != 5 || !field(t, d, "n").IsExpanded() {
		t.Errorf("n is %d", n)
	}
	if got := fmt.Sprint(field(t, d, "list").Texts()); got != "[5 plain]" {
		t.Error(got)
	}
	if text, _ := field(t, d, "secret").Text(); text != "hunter2" {
		t.Error(text)
	}
	field(t, d, "secret").Int()
	field(t, d, "secret").Size()
	if _, ok := field(t, d, "bad").Int(); ok {
		t.Error("bad is a number")
	}
	want := "f.yaml:2:9: secret: expected a size such as 500KB or 4MiB, found \"$secret\"\n" +
		"f.yaml:2:9: secret: expected a whole number, found \"$secret\"\nf.yaml:4:6: bad: cannot be had"
	got := strings.Split(d.Err().Error(), "\n")
	for line := range strings.SplitSeq(want, "\n") {
		found := false
		for _, g := range got {
			found = found || g == line
		}
		if !found {
			t.Errorf("missing %s in\n%s", line, d.Err())
		}
	}
	if len(got) != 3 || strings.Contains(d.Err().(Problems).Render(), "hunter2") {
		t.Errorf("got %v", d.Err())
	}
}

func TestJSON(t *testing.T) {
	d := parse(t, `{n: 1, big: 99999999999999999999, f: 1.50, e: 1e3, s: "1", id: 0123, t: true, no: NO, z: ~, "q\"": [a, {b: <c>}], tagged: !!str 5, date: 2024-01-01}`)
	want := `{"n":1,"big":99999999999999999999,"f":1.50,"e":1e3,"s":"1","id":"0123","t":true,"no":"NO","z":null,"q\"":["a",{"b":"\u003cc\u003e"}],"tagged":"5","date":"2024-01-01"}`
	if got := string(d.Root().JSON()); got != want {
		t.Errorf("got %s", got)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"listen", "mapping", "requests_per_second", "burst", "Order Completed", "Product Added", "to", "as", "id"}
	for name, want := range map[string]string{
		"lisen": "listen", "Listen": "listen", "lsiten": "listen", "requestsPerSecond": "requests_per_second",
		"request_per_secnd": "requests_per_second", "order completed": "Order Completed", "Order_Complete": "Order Completed",
		"Product-Added": "Product Added", "mappings": "mapping", "requests": "", "foo": "", "ti": "", "ID": "id", "": "",
		"listen": "", "gt": "", strings.Repeat("x", 1000): "", "burst_size": "burst",
	} {
		if got := Suggest(name, known); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestRenderCutsLongLinesAndControls(t *testing.T) {
	long := "k: [" + strings.Repeat("x, ", 100) + "{, y]"
	p := Problem{File: "f", Line: 7, Column: 305, Message: "m", Source: long}
	got := strings.Split(p.Render(), "\n")
	if len(got) != 3 || len([]rune(got[1])) > 110 {
		t.Fatalf("got %q", got)
	}
	caret := strings.Index(got[2], "^")
	if r := []rune(got[1]); r[caret] != '{' {
		t.Errorf("the caret is below %q in\n%s", r[caret], p.Render())
	}
	p = Problem{File: "f", Line: 1, Column: 5, Message: "m", Source: "\ta\x1b[31m\u202eb"}
	if r := p.Render(); strings.ContainsAny(r, "\x1b\u202e") || !strings.Contains(r, "\n    | \t   ^") {
		t.Errorf("got %q", r)
	}
	p = Problem{File: "f", Line: 1, Column: 99, Message: "m", Source: "short"}
	if r := p.Render(); !strings.HasSuffix(r, "short\n    |      ^") {
		t.Errorf("got %q", r)
	}
}

// A file with thousands of mistakes gives a hundred and the number of the rest.
func TestProblemsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "k%d: x\n", i)
	}
	d := parse(t, b.String())
	o, _ := d.Root().Object()
	o.Done()
	ps := d.Err().(Problems)
	if len(ps) != 101 || ps[100].Message != "… and 4900 more problems from here on" || ps[100].Line != 101 {
		t.Errorf("%d problems, the last %+v", len(ps), ps[len(ps)-1])
	}
}

func TestTooLarge(t *testing.T) {
	_, err := Parse("f.yaml", []byte("a: "+strings.Repeat("x", 10<<20)))
	if err == nil || err.Error() != "f.yaml:1:1: the file is larger than the limit of 1 MiB" {
		t.Errorf("got %v", err)
	}
}
