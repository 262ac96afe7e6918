package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// spliceAll decodes a batch and returns its messages as they would be stored.
func spliceAll(t *testing.T, body string) []string {
	t.Helper()
	var d decoder
	if err := d.batch([]byte(body), 100); err != nil {
		t.Fatal(err)
	}
	var g merger
	g.begin(&d)
	var all []string
	for k := range d.env.messages {
		m := &d.env.messages[k]
		if !g.needed(m) {
			all = append(all, body[m.whole.from:m.whole.to])
			continue
		}
		out := g.splice(nil, m, "")
		if most := m.whole.len() + g.extra(); len(out) > most {
			t.Errorf("%d bytes, at most %d were reckoned with: %s", len(out), most, out)
		}
		all = append(all, string(out))
	}
	return all
}

func TestSplice(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, shared, item, want string }{
		{"nothing shared", ``, `{"event":"e"}`, `{"event":"e"}`},
		{
			"all three", `"context":{"a":1},"integrations":{"All":true},"sentAt":"s"`, `{"event":"e"}`,
			`{"event":"e","context":{"a":1},"integrations":{"All":true},"sentAt":"s"}`,
		},
		{"empty message", `"context":{"a":1}`, `{ }`, `{ "context":{"a":1}}`},
		{"the message wins", `"context":{"a":1,"b":2},"sentAt":"s"`, `{"sentAt":"t","context":{"b":3,"c":4}}`, `{"sentAt":"t","context":{"b":3,"c":4,"a":1}}`},
		{
			"recursively", `"context":{"traits":{"email":"x","address":{"city":"A","zip":"1"}},"ip":"i"}`,
			`{"context":{"traits":{"address":{"city":"B"},"phone":"p"}},"event":"e"}`,
			`{"context":{"traits":{"address":{"city":"B","zip":"1"},"phone":"p","email":"x"},"ip":"i"},"event":"e"}`,
		},
		{"an inner null of the message wins", `"context":{"traits":{"email":"x"}}`, `{"context":{"traits":null}}`, `{"context":{"traits":null}}`},
		{
			"null and other types are absent", `"context":{"a":1},"integrations":{"b":2},"sentAt":"s"`, `{"integrations":[],"sentAt":null,"context":"x","event":"e"}`,
			`{"integrations":{"b":2},"sentAt":"s","context":{"a":1},"event":"e"}`,
		},
		{"shared of other types are ignored", `"context":[1],"integrations":null,"sentAt":{}`, `{"event":"e"}`, `{"event":"e"}`},
		{"empty shared context", `"context":{}`, `{"event":"e"}`, `{"event":"e","context":{}}`},
		{"escaped names are the same names", `"context":{"tra\u0069ts":{"a":1}}`, `{"cont\u0065xt":{"\u0074raits":{"b":2}}}`, `{"cont\u0065xt":{"\u0074raits":{"b":2,"a":1}}}`},
		{"of two the last counts", `"context":{"x":9},"context":{"a":{"x":1},"a":{"y":2}}`, `{"context":{},"context":{"a":{"z":3}}}`, `{"context":{},"context":{"a":{"z":3,"y":2}}}`},
		{"white space stays", `"context" : { "a" : 1 , "b" : [ 2 ] }`, "{ \"context\" : {\n} }", "{ \"context\" : {\n\"a\" : 1,\"b\" : [ 2 ]} }"},
		{"numeric sentAt", `"sentAt":1795444790985`, `{"event":"e"}`, `{"event":"e","sentAt":1795444790985}`},
	} {
		body := `{"batch":[` + tc.item + `,` + tc.item + `]}`
		if tc.shared != "" {
			body = `{` + tc.shared + `,` + body[1:]
		}
		for _, got := range spliceAll(t, body) {
			if got != tc.want {
				t.Errorf("%s:\n%s\nwant\n%s", tc.name, got, tc.want)
			}
		}
	}
}

// FuzzSplice holds splicing against merging decoded values.
func FuzzSplice(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":[1,2]}}`, `{"b":{"d":null}}`)
	f.Add(`{"a":{"a":{"a":1}}}`, `{"a":{"a":{"b":1}},"a":{"a":{}}}`)
	f.Add(`{}`, `null`)
	f.Add(` {"\u0061":{ }}`, `{"a":{"x":{}}}`)
	f.Fuzz(func(t *testing.T, shared, own string) {
		if !json.Valid([]byte(shared)) || !json.Valid([]byte(own)) || !utf8.ValidString(shared+own) || len(shared)+len(own) > 4096 {
			return
		}
		if strings.Count(shared, "{") > mergeDepth {
			return
		}
		for _, item := range []string{`{"event":"e","context":` + own + `}`, `{"event":"e"}`} {
			got := spliceAll(t, fmt.Sprintf(`{"context":%s,"batch":[%s]}`, shared, item))[0]
			var have, base map[string]any
			var all any
			for _, p := range []struct {
				text string
				into any
			}{{got, &have}, {item, &base}, {shared, &all}} {
				d := json.NewDecoder(strings.NewReader(p.text))
				d.UseNumber()
				if err := d.Decode(p.into); err != nil {
					t.Fatalf("%v: %s", err, p.text)
				}
			}
			if all, ok := all.(map[string]any); ok {
				if mine, ok := base["context"].(map[string]any); ok {
					fill(mine, all)
				} else {
					base["context"] = all
				}
			}
			if !reflect.DeepEqual(have, base) {
				t.Fatalf("shared %s, item %s: got %s", shared, item, got)
			}
		}
	})
}

func fill(mine, all map[string]any) {
	for k, v := range all {
		old, has := mine[k]
		if !has {
			mine[k] = v
			continue
		}
		a, ok1 := old.(map[string]any)
		b, ok2 := v.(map[string]any)
		if ok1 && ok2 {
			fill(a, b)
		}
	}
}

// TestSpliceLarge merges objects of thousands of members into thousands of
// messages: the work must grow with the bytes, not with their product.
func TestSpliceLarge(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i := range 15000 {
		fmt.Fprintf(&b, `"k%d":{"a":1},`, i)
	}
	members := strings.TrimSuffix(b.String(), ",")
	item := `{"context":{` + members[:len(members)/2] + `}}`
	item = item[:strings.LastIndex(item, `,"`)] + `}}`
	got := spliceAll(t, `{"context":{`+members+`},"batch":[`+repeat(8, item)+`]}`)
	var v struct{ Context map[string]any }
	if err := json.Unmarshal([]byte(got[7]), &v); err != nil || len(v.Context) != 15000 {
		t.Fatal(err, len(v.Context))
	}
}
