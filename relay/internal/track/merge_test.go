package track

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"relay/queue"
)

// takeAll parses a batch and returns its messages as they would be stored.
func takeAll(t *testing.T, body string) []Message {
	t.Helper()
	var r Reader
	if err := r.Scan([]byte(body), true); err != nil {
		t.Fatal(err)
	}
	n, bad := r.Room()
	if bad != nil {
		t.Fatal(bad)
	}
	room := make([]byte, 0, n)
	var all []Message
	for k := range r.Len() {
		var m Message
		m, room = r.Take(k, false, room)
		m.Event, m.ID = bytes.Clone(m.Event), bytes.Clone(m.ID)
		all = append(all, m)
	}
	if cap(room) != n && len(room) > 0 {
		t.Errorf("%d bytes of buffer needed, Room returned %d: %.200s", len(room), n, body)
	}
	return all
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, shared, item, want string }{
		{"nothing shared", ``, `{"event":"e"}`, `{"event":"e"}`},
		{
			"all three", `"context":{"a":1},"integrations":{"All":true},"sentAt":"s"`, `{"event":"e"}`,
			`{"event":"e","context":{"a":1},"integrations":{"All":true},"sentAt":"s"}`,
		},
		{"white space before the end", `"context":{"a":1}`, `{"event":"e" }`, `{"event":"e" ,"context":{"a":1}}`},
		{"the message wins", `"context":{"a":1,"b":2},"sentAt":"s"`, `{"event":"e","sentAt":"t","context":{"b":3,"c":4}}`, `{"event":"e","sentAt":"t","context":{"b":3,"c":4,"a":1}}`},
		{
			"recursively", `"context":{"traits":{"email":"x","address":{"city":"A","zip":"1"}},"ip":"i"}`,
			`{"context":{"traits":{"address":{"city":"B"},"phone":"p"}},"event":"e"}`,
			`{"context":{"traits":{"address":{"city":"B","zip":"1"},"phone":"p","email":"x"},"ip":"i"},"event":"e"}`,
		},
		{"an inner null of the message wins", `"context":{"traits":{"email":"x"}}`, `{"event":"e","context":{"traits":null}}`, `{"event":"e","context":{"traits":null}}`},
		{
			"null and other types are absent", `"context":{"a":1},"integrations":{"b":2},"sentAt":"s"`, `{"integrations":[],"sentAt":null,"context":"x","event":"e"}`,
			`{"integrations":{"b":2},"sentAt":"s","context":{"a":1},"event":"e"}`,
		},
		{"shared of other types are ignored", `"context":[1],"integrations":null,"sentAt":{}`, `{"event":"e"}`, `{"event":"e"}`},
		{"empty shared context", `"context":{}`, `{"event":"e"}`, `{"event":"e","context":{}}`},
		{"escaped names are the same names", `"context":{"tra\u0069ts":{"a":1}}`, `{"event":"e","cont\u0065xt":{"\u0074raits":{"b":2}}}`, `{"event":"e","cont\u0065xt":{"\u0074raits":{"b":2,"a":1}}}`},
		{"of two the last counts", `"context":{"x":9},"context":{"a":{"x":1},"a":{"y":2}}`, `{"event":"e","context":{"z":1},"context":{"a":{"z":3}}}`, `{"event":"e","context":{"a":{"z":3,"y":2}}}`},
		{"an item's repeated inner name", `"context":{"a":{"x":1},"b":1}`, `{"event":"e","context":{"a":{"p":1},"a":{"q":2}}}`, `{"event":"e","context":{"a":{"q":2,"x":1},"b":1}}`},
		{"NaN is null, and null is said", `"context":{"a":NaN}`, `{"event":"e","properties":{"v":-Infinity}}`, `{"event":"e","properties":{"v":null},"context":{"a":null}}`},
		{"white space stays", `"context" : { "a" : 1 , "b" : [ 2 ] }`, "{ \"event\":\"e\", \"context\" : {\n} }", "{ \"event\":\"e\", \"context\" : {\n\"a\" : 1,\"b\" : [ 2 ]} }"},
		{"numeric sentAt", `"sentAt":1795444790985`, `{"event":"e"}`, `{"event":"e","sentAt":1795444790985}`},
	} {
		body := `{"batch":[` + tc.item + `,` + tc.item + `]}`
		if tc.shared != "" {
			body = `{` + tc.shared + `,` + body[1:]
		}
		for _, got := range takeAll(t, body) {
			if string(got.Body) != tc.want || got.Problem != nil {
				t.Errorf("%s:\n%s (%v)\nwant\n%s", tc.name, got.Body, got.Problem, tc.want)
			}
		}
	}
}

// FuzzMerge compares merging of texts with merging of decoded values.
func FuzzMerge(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":[1,2]}}`, `{"b":{"d":null}}`)
	f.Add(`{"a":{"a":{"a":1}}}`, `{"a":{"a":{"b":1}},"a":{"a":{}}}`)
	f.Add(`{}`, `null`)
	f.Add(` {"\u0061":{ }}`, `{"a":{"x":{}}}`)
	f.Add(`{"a":{"b":1},"a":{"c":1}}`, `{"a":{},"a":{"d":1,"d":2}}`)
	f.Fuzz(func(t *testing.T, shared, own string) {
		if !json.Valid([]byte(shared)) || !json.Valid([]byte(own)) || !utf8.ValidString(shared+own) || len(shared)+len(own) > 4096 {
			return
		}
		for _, item := range []string{`{"event":"e","context":` + own + `}`, `{"event":"e"}`} {
			got := string(takeAll(t, fmt.Sprintf(`{"context":%s,"batch":[%s]}`, shared, item))[0].Body)
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

// Merging objects of thousands of members into several messages takes time proportional to the
// bytes, not to their product.
func TestMergeLarge(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	for i := range 15000 {
		fmt.Fprintf(&b, `"k%d":{"a":1},`, i)
	}
	members := strings.TrimSuffix(b.String(), ",")
	item := `{"event":"e","context":{` + members[:len(members)/2] + `}}`
	item = item[:strings.LastIndex(item, `,"`)] + `}}`
	got := takeAll(t, `{"context":{`+members+`},"batch":[`+strings.Repeat(item+",", 7)+item+`]}`)
	var v struct{ Context map[string]any }
	if err := json.Unmarshal(got[7].Body, &v); err != nil || len(v.Context) != 15000 {
		t.Fatal(err, len(v.Context))
	}
}

// Merging is bounded by the event limit for each message and in proportion to the body for all
// of them. A message that becomes too large is unusable alone.
func TestGrowth(t *testing.T) {
	t.Parallel()
	read := func(limits Limits, body string) (*Reader, int, *Problem) {
		r := &Reader{Limits: limits}
		if err := r.Scan([]byte(body), true); err != nil {
			t.Fatal(err)
		}
		n, bad := r.Room()
		return r, n, bad
	}
	context := `{"a":"` + strings.Repeat("x", 1000) + `"}`
	own := `{"event":"own","context":{"a":1}}`

	r, n, bad := read(Limits{EventBytes: 900}, `{"context":`+context+`,"batch":[{"event":"too large"},`+own+`]}`)
	if bad != nil {
		t.Fatal(bad)
	}
	room := make([]byte, 0, n)
	large, room := r.Take(0, false, room)
	if large.Problem != TooLarge || large.Flags != queue.FlagTooLarge || string(large.Body) != `{"event":"too large"}` {
		t.Errorf("the large message: %v, %v, %s", large.Problem, large.Flags, large.Body)
	}
	if fits, _ := r.Take(1, false, room); fits.Problem != nil || string(fits.Body) != own {
		t.Errorf("the message that fits: %v, %s", fits.Problem, fits.Body)
	}

	many := strings.TrimSuffix(strings.Repeat(`{"event":"Order Completed","userId":"u-1"},`, 2500), ",")
	if _, _, bad := read(Limits{}, `{"context":{"a":"`+strings.Repeat("x", 100_000)+`"},"batch":[`+many+`]}`); bad != MergedTooLarge {
		t.Errorf("a batch that would grow to 250 MB: %v", bad)
	}
	if _, n, bad := read(Limits{}, `{"context":`+context+`,"batch":[`+many+`]}`); bad != nil || n > 4<<20 {
		t.Errorf("an ordinary large batch: %v, %d bytes", bad, n)
	}
	if _, _, bad := read(Limits{Merged: 1 << 20}, `{"context":`+context+`,"batch":[`+many+`]}`); bad != MergedTooLarge {
		t.Errorf("over Limits.Merged: %v", bad)
	}
	// An earlier implementation merged once per occurrence of a name.
	repeated := `{"event":"e",` + strings.Repeat(`"context":{},`, 10000) + `"x":1}`
	r, n, bad = read(Limits{EventBytes: 256 << 10}, `{"context":`+context+`,"batch":[`+repeated+`]}`)
	if bad != nil || n > 4*len(repeated) {
		t.Fatalf("%v, %d bytes", bad, n)
	}
	m, room := r.Take(0, false, make([]byte, 0, n))
	if m.Problem != nil || strings.Count(string(m.Body), `"context"`) != 1 || len(m.Body) > 1100 || cap(room) != n {
		t.Errorf("%v, %d bytes: %.200s", m.Problem, len(m.Body), m.Body)
	}
}
