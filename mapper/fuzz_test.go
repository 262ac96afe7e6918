package mapper

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"relay/internal/meta"
)

// fuzzMapping uses every key of a mapping.
const fuzzMapping = `version: 1
events:
  Order Completed: ["1", old]
  Product Added: old
  Product List Viewed: "1"
  E: { to: ["1", old], as: Purchase, value: [properties.amount, { expr: "properties.total ?? 0" }, 7], when: "properties.skip == nil" }
lead: { Order Completed: "1", E: old }
event_sets: { old: { id: "2", api: offline } }
value_field: [price, value]
default_country: DE
default_currency: EUR
timezone: Europe/Berlin
correct_clock_skew: true
limited_data_use: { country: 1, state: 1000 }
match_keys:
  email: [context.traits.email, "properties.people[].email", { expr: "traits.mail" }]
  external_id: [userId, anonymousId]
  date_of_birth: [context.traits.birthday]
custom_data:
  exclude: [secret]
  keep: [city]
  set: { code: properties.store.code, all: "properties.lines[].sku", fixed: 5, sum: { expr: "sum(properties.lines ?? [], .qty ?? 0)" } }
`

// addEvents seeds with the events of the golden files and some odd ones.
func addEvents(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, x := range a.Files {
			if filepath.Ext(x.Name) == ".json" {
				f.Add(x.Data)
			}
		}
	}
	for _, s := range readSamples(f) {
		if s.line[len(s.line)-1] == '7' { // a tenth of them
			f.Add(bytes.Replace(s.event(), []byte(`"Till"`), []byte(`"E"`), 1))
		}
	}
	for _, s := range []string{
		``, `null`, `[]`, `{}`, `{"event":"E"}`, `{"event":"E","userId":"u","properties":{"amount":1e999}}`,
		`{"event":"E","userId":"\ud800","properties":{"a\u0000":"\udfff","amount":"5"}}`,
		`{"event":"E","event":"F","userId":1e400}`, "{\"event\":\"E\",\"userId\":\"\xff\xfe\"}",
		`{"event":"E","userId":"u","properties":{"lines":[{"sku":"a","qty":2},{"qty":"x"}],"people":[{"email":"a@example.com"},1]}}`,
		`{"event":"E","userId":"u","timestamp":-1e18,"sentAt":1e17,"originalTimestamp":"0000-00-00T00:00:00Z"}`,
		benchmarkEvent,
	} {
		f.Add([]byte(s))
	}
}

// FuzzMap: no event makes the mapper panic; the same event gives the same
// outcomes, also when it is mapped a day later; what is sent is one JSON object;
// an explanation tells of the same outcomes.
func FuzzMap(f *testing.F) {
	addEvents(f)
	m, _, err := Parse("mapping.yaml", []byte(fuzzMapping))
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, body []byte) {
		ev := Event{Body: body, Received: now}
		out := m.Map(ev, now)
		if len(out) == 0 {
			t.Fatal("an event without an outcome")
		}
		for _, o := range out {
			if (o.Kind == Send) != (len(o.Conversion) > 0) || (o.Kind == Send) != (o.Reason == "") {
				t.Fatalf("%+v", o)
			}
			if o.Kind == Send && (o.Conversion[0] != '{' || !json.Valid(o.Conversion)) {
				t.Fatalf("not JSON: %s", o.Conversion)
			}
			if _, err := json.Marshal(o); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(out, m.Map(ev, now.Add(24*time.Hour), WithoutAgeChecks())); diff != "" {
			again := m.Map(ev, now, WithoutAgeChecks())
			if diff := cmp.Diff(again, m.Map(ev, now.Add(24*time.Hour), WithoutAgeChecks())); diff != "" {
				t.Fatalf("another attempt, another outcome:\n%s", diff)
			}
		}
		explained := m.Explain(ev, now)
		if len(explained) != len(out) {
			t.Fatalf("%d outcomes explained, %d mapped", len(explained), len(out))
		}
		for i, x := range explained {
			if diff := cmp.Diff(out[i], x.Outcome); diff != "" {
				t.Fatalf("explained otherwise than mapped:\n%s", diff)
			}
			for _, field := range x.Fields {
				field.Masked()
			}
		}
	})
}

// FuzzParse: no mapping file makes the parser panic, and one that is taken maps
// events without panic.
func FuzzParse(f *testing.F) {
	for _, glob := range []string{"../examples/mapping*.yaml", "../relay/testdata/contract/*.yaml"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v", glob, err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte(fuzzMapping))
	f.Add([]byte("? [a]\n: b\n<<: {c: d}\n"))
	f.Add([]byte("version: 1\nevents: { Order Completed: { to: '1', when: 'all(properties.products, {# != nil})', value: { expr: '1/0' } } }\n"))
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ev := Event{Body: []byte(benchmarkEvent), Received: now}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, _, err := Parse("mapping.yaml", src)
		if err != nil {
			return
		}
		for _, api := range []meta.API{"", meta.Conversions, meta.Offline} {
			for _, o := range m.Map(ev, now, OverrideAPI(api)) {
				if o.Kind == Send && !json.Valid(o.Conversion) {
					t.Fatalf("not JSON: %s", o.Conversion)
				}
			}
		}
		m.Sets()
		m.Routes("Order Completed")
		m.Explain(ev, now)
	})
}

// FuzzParseCost: a mapping costs memory in proportion to its size, whatever its
// anchors and paths are.
func FuzzParseCost(f *testing.F) {
	f.Add([]byte(fuzzMapping))
	f.Add([]byte("a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\ne: [*d,*d,*d,*d]\n"))
	f.Add([]byte("version: 1\nevents:\n" + strings.Repeat("  E: '1'\n", 3000)))
	f.Add([]byte("version: 1\nevents: { E: '1' }\ncustom_data: { exclude: [" + strings.Repeat("a.b[],", 3000) + "] }\n"))
	f.Add([]byte("version: 1\nevents: { E: { to: '1', when: '" + strings.Repeat("(", 3000) + "1' } }\n"))
	f.Add([]byte(strings.Repeat("[", 5000)))
	f.Add([]byte(strings.Repeat("a:\n ", 3000)))
	f.Fuzz(func(t *testing.T, src []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = Parse("mapping.yaml", src)
		runtime.ReadMemStats(&after)
		if cost := int64(after.TotalAlloc - before.TotalAlloc); cost > 8<<20+4000*int64(len(src)) {
			t.Errorf("%d bytes in the heap for a mapping of %d", cost, len(src))
		}
	})
}
