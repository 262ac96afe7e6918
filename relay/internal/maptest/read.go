package maptest

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper"
)

//go:embed tests.schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (2020-12) of a file of tests.
func Schema() []byte { return schemaJSON }

// Path returns the path of the tests of a mapping (mapping.test.yaml next to
// mapping.yaml), and whether the file exists.
func Path(mapping string) (string, bool) {
	ext := filepath.Ext(mapping)
	path := strings.TrimSuffix(mapping, ext) + ".test" + ext
	if ext == "" {
		path += ".yaml"
	}
	info, err := os.Stat(path)
	return path, err == nil && info.Mode().IsRegular()
}

// IsTests reports whether a file name is that of a file of tests.
func IsTests(file string) bool {
	return strings.HasSuffix(strings.TrimSuffix(file, filepath.Ext(file)), ".test")
}

// Suite is a file of tests.
type Suite struct {
	Tests []Test
}

// Test is one event with its expected outcomes.
type Test struct {
	Name string
	Line int

	now    time.Time
	api    meta.API
	event  []byte
	expect []outcome
}

// outcome is one expected outcome; empty members are not compared.
type outcome struct {
	line       int
	kind       string
	reason     string
	set        string // id or name
	api        string
	conversion *strictyaml.Value
	notes      []string
	noNotes    bool
}

// Read reads a file of tests. The error contains all its mistakes.
func Read(file string, src []byte) (*Suite, error) {
	doc, err := strictyaml.Parse(file, src)
	if err != nil {
		return nil, err
	}
	r := reader{suite: &Suite{}, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	if o, ok := doc.Root().Object(); ok {
		r.file(o)
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	return r.suite, nil
}

type reader struct {
	suite *Suite
	now   time.Time
}

func (r *reader) file(o *strictyaml.Object) {
	if v, ok := o.Need("version"); ok {
		if text, ok := v.Text(); ok && text != "1" {
			v.Errorf("this relay does not support version %s", v.Written()).WithHint("write 1")
		}
	}
	if v, ok := o.Field("now"); ok {
		readTime(v, &r.now)
	}
	if v, ok := o.Need("tests"); ok {
		items, _ := v.List()
		if len(items) == 0 {
			v.Errorf("holds no test").WithHint("add a test with an event and its outcomes")
		}
		for _, item := range items {
			r.test(item)
		}
	}
	o.Done()
}

func (r *reader) test(v strictyaml.Value) {
	o, ok := v.Object()
	if !ok {
		return
	}
	t := Test{now: r.now}
	t.Line, _ = v.Pos()
	if n, ok := o.Need("name"); ok {
		t.Name, _ = n.Text()
	}
	if n, ok := o.Field("now"); ok {
		readTime(n, &t.now)
	}
	if n, ok := o.Field("api"); ok {
		t.api = meta.API(oneOf(n, string(meta.Conversions), string(meta.Offline)))
	}
	if n, ok := o.Need("event"); ok {
		t.event = n.JSON()
	}
	if n, ok := o.Need("expect"); ok {
		items := n.OneOrList()
		if len(items) == 0 {
			n.Errorf("names no outcome").WithHint("write outcome: send, skip or hold")
		}
		for _, item := range items {
			t.expect = append(t.expect, readOutcome(item))
		}
	}
	o.Done()
	r.suite.Tests = append(r.suite.Tests, t)
}

func readOutcome(v strictyaml.Value) outcome {
	var x outcome
	x.line, _ = v.Pos()
	o, ok := v.Object()
	if !ok {
		return x
	}
	if n, ok := o.Need("outcome"); ok {
		x.kind = oneOf(n, string(mapper.Send), string(mapper.Skip), string(mapper.Hold))
	}
	for _, f := range []struct {
		name string
		into *string
	}{{"reason", &x.reason}, {"event_set", &x.set}} {
		if n, ok := o.Field(f.name); ok {
			*f.into, _ = n.Text()
		}
	}
	if n, ok := o.Field("api"); ok {
		x.api = oneOf(n, string(meta.Conversions), string(meta.Offline))
	}
	if n, ok := o.Field("conversion"); ok {
		if _, ok := n.Object(); ok {
			x.conversion = &n
			if x.kind != "" && x.kind != string(mapper.Send) {
				n.Errorf("only a sent outcome has a conversion").WithHint("write outcome: send, or remove the conversion")
			}
		}
	}
	if n, ok := o.Field("notes"); ok {
		x.notes = n.Texts()
		x.noNotes = len(x.notes) == 0
	}
	o.Done()
	return x
}

func readTime(v strictyaml.Value, into *time.Time) {
	text, ok := v.Text()
	if !ok {
		return
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v.Errorf("%s is not a time", v.Written()).WithHint("write it as 2026-11-24T12:00:00Z")
		return
	}
	*into = t
}

func oneOf(v strictyaml.Value, words ...string) string {
	text, ok := v.Text()
	if !ok {
		return ""
	}
	if slices.Contains(words, text) {
		return text
	}
	p := v.Errorf("%s is not one of %s", v.Written(), strings.Join(words, ", "))
	if near := strictyaml.Suggest(text, words); near != "" {
		p.WithHint("did you mean %q?", near)
	}
	return ""
}

// Failure is one way in which a test failed.
type Failure struct {
	Test    string
	Line    int
	Message string
}

func (f Failure) String() string { return fmt.Sprintf("%s: %s", f.Test, f.Message) }
