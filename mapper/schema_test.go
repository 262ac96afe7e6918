package mapper

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"relay/internal/meta"
	"relay/internal/strictyaml"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mapping.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mapping.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validates(t *testing.T, s *jsonschema.Schema, src []byte) error {
	t.Helper()
	doc, err := strictyaml.Parse("mapping.yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc.Root().JSON()))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// Every example is taken by the parser and by the schema its first line names.
func TestExamplesAgainstSchema(t *testing.T) {
	s := compiledSchema(t)
	files, err := filepath.Glob("../examples/mapping*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("examples: %v %v", files, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".test.yaml") {
			continue // another form; see relay/internal/maptest
		}
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Parse(file, src); err != nil {
			t.Error(err)
		}
		if err := validates(t, s, src); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if line, _, _ := strings.Cut(string(src), "\n"); line != "# yaml-language-server: $schema=../mapper/mapping.schema.json" {
			t.Errorf("%s does not name its schema: %s", file, line)
		}
	}
}

// What the parser refuses for its form, the schema refuses too; what is legal
// passes both.
func TestSchemaAgreesWithParse(t *testing.T) {
	s := compiledSchema(t)
	for _, c := range []struct {
		ok   bool
		text string
	}{
		{true, "version: 1\n"},
		{true, "version: '1'\nevents: { A: 701000000000001, B: ['1', '2'], C: { to: '1', as: Purchase, value: properties.x, when: 'true' } }\n"},
		{true, "version: 1\nlead: { A: { to: ['1'], value: [properties.x, 5, { expr: '1 + 1' }, { const: 4.50 }, { path: properties.y }] } }\n"},
		{true, "version: 1\nmatch_keys: { email: [], phone: context.traits.phone, date_of_birth: [context.traits.birthday] }\n"},
		{true, "version: 1\nlimited_data_use: { country: 1, state: 1000 }\nconsent: [a, b]\nvalue_field: [price, value]\n"},
		{true, "version: 1\ncustom_data: { exclude: a, keep: [b], set: { c: properties.d, e: 5 } }\n"},
		{true, "version: 1\ntime_format: 02/01/2006 15:04\n"},
		{true, "version: 1\ntime_format: ['02/01/2006', 2006.01.02]\n"},
		{false, "version: 1\ntime_format: []\n"},
		{false, "version: 1\ntime_format: { a: b }\n"},
		{true, "version: 1\ncurrency: properties.total.currency\nproducts: { in: properties.line_items, id: [sku, variant.id] }\n"},
		{true, "version: 1\nevent_sets: { s: { id: '1', default_country: DE, default_currency: EUR } }\n"},
		{true, "version: 1\nevents: { A: { to: '1', value: { path: properties.cents, minor_units: true } } }\n"},
		{false, "version: 1\ncurrency: []\n"},
		{false, "version: 1\nproducts: { in: [], id: sku }\n"},
		{false, "version: 1\nproducts: { path: properties.items }\n"},
		{false, "version: 1\nmatch_keys: { email: { path: properties.x, minor_units: true } }\n"},
		{false, "version: 1\nevents: { A: { to: '1', value: { minor_units: true } } }\n"},
		{true, "version: 1\nnever_customers: []\nstaff: [properties.cashier, { path: properties.seller.email }]\n"},
		{true, "version: 1\nnever_customers: ['*@shop.example', 4242]\nstaff: properties.cashier\n"},
		{false, "version: 1\nnever_customers: { a: b }\n"},
		{false, "version: 1\nstaff: []\n"},
		{true, "version: 1\nstore: { code: properties.s, page_id: { const: 1234 }, brand_page_id: [properties.a, properties.b] }\norder_id_at: event\ncontents: [brand, title]\n"},
		{true, "version: 1\naction_source: [properties.channel, chat]\nopt_out: properties.o\nupload_tag: 'till {store} {date}'\nreferrer_url: context.page.referrer\n"},
		{true, "version: 1\naction_source: chat\nopt_out: true\noriginal_event_data: { event_name: { const: Purchase }, order_id: properties.first }\n"},
		{true, "version: 1\nmatch_keys: { external_id: { all: [userId, properties.card] }, madid: properties.m, fbc: context.fbc, email: { all: properties.mail } }\n"},
		{true, "version: 1\nevents: { A: { to: '1', action_source: chat, upload_tag: '{date}', opt_out: true } }\n"},
		{true, "version: 1\ncustom_data: { only: [] }\nevents: { A: { to: '1', custom_data: { only: a, set: { b: 1 } }, customer_segmentation: properties.c } }\n"},
		{true, "version: 1\nlead: { A: { to: '1', preset: crm_lead } }\n"},
		{false, "version: 1\nlead: { A: { to: '1', preset: lead } }\n"},
		{false, "version: 1\nmatch_keys: { lead_id: { all: [properties.a] } }\n"},
		{false, "version: 1\nmatch_keys: { external_id: { all: [] } }\n"},
		{false, "version: 1\nupload_tag: 'a {order}'\n"},
		{false, "version: 1\norder_id_at: top\n"},
		{false, "version: 1\nstore: { store_code: properties.s }\n"},
		{false, "version: 1\nopt_out: 5\n"},
		{false, "version: 1\naction_source: shop\n"},
		{false, "version: 1\naction_source: []\n"},
		{false, "version: 1\ncontents: [colour]\n"},
		{false, "version: 1\nreferrer_url: []\n"},
		{false, "version: 1\ncustom_data: { excl: a }\n"},
		{false, "events: {}\n"},
		{false, "version: 2\n"},
		{false, "version: 1\nevent: {}\n"},
		{false, "version: 1\nevents: []\n"},
		{false, "version: 1\nevents: { A: [] }\n"},
		{false, "version: 1\nevents: { A: { as: Purchase } }\n"},
		{false, "version: 1\nlead: { A: { to: '1', as: Purchase } }\n"},
		{false, "version: 1\nevents: { A: { to: '1', vale: x } }\n"},
		{false, "version: 1\nevent_sets: { s: { api: conversions } }\n"},
		{false, "version: 1\nevent_sets: { '12': { id: '1' } }\n"},
		{false, "version: 1\nevent_sets: { s: { id: 'x' } }\n"},
		{false, "version: 1\napi: graph\n"},
		{false, "version: 1\nmatch_keys: { em: context.traits.email }\n"},
		{false, "version: 1\nlimited_data_use: { country: 1 }\n"},
		{false, "version: 1\nlimited_data_use: { country: 49, state: 0 }\n"},
		{false, "version: 1\ncorrect_clock_skew: sometimes\n"},
		{false, "version: 1\nunmatched: drop\n"},
		{false, "version: 1\ncustom_data: { set: { a: { expr: '1', const: 2 } } }\n"},
		{true, "version: 1\nstore: { code: { const: 12 }, page_id: ['1234', 77] }\nmatch_keys: { country: [properties.c, { const: DE }], zip: { const: 10115 }, page_id: 77 }\n"},
		{true, "version: 1\nevents: { A: { to: '1', event_source_url: { const: 'https://shop.example/till' }, value: { const: '47,60 EUR' } } }\nupload_tag: 2026\n"},
		{false, "version: 1\nstore: { page_id: { const: abc } }\n"},
		{false, "version: 1\nstore: { brand_page_id: 0 }\n"},
		{false, "version: 1\nstore: { code: true }\n"},
		{false, "version: 1\nstore: { code: { const: '" + strings.Repeat("x", 65) + "' } }\n"},
		{false, "version: 1\nvalue_field: 5\n"},
		{false, "version: 1\nvalue_field: [price, true]\n"},
		{false, "version: 1\nstaff: 5\n"},
		{false, "version: 1\nstaff: { const: till }\n"},
		{false, "version: 1\ncurrency: { const: EUR }\n"},
		{false, "version: 1\nconsent: 5\n"},
		{false, "version: 1\nconsent: [advertising, true]\n"},
		{false, "version: 1\nproducts: { in: 5, id: 5 }\n"},
		{false, "version: 1\nmatch_keys: { email: [5] }\n"},
		{false, "version: 1\nmatch_keys: { gender: { all: 5 } }\n"},
		{false, "version: 1\nmatch_keys: { external_id: true }\n"},
		{false, "version: 1\nmatch_keys: { country: { const: '' } }\n"},
		{false, "version: 1\nmatch_keys: { fbp: 5 }\n"},
		{false, "version: 1\nupload_tag: \"a\\nb\"\n"},
		{false, "version: 1\nevents: { A: { to: '1', upload_tag: \"a\\tb\" } }\n"},
		{false, "version: 1\nevents: { A: { to: '1', as: \"a\\nb\" } }\n"},
		{false, "version: 1\nevents: { A: { to: '1', value: [{ const: x }] } }\n"},
		{false, "version: 1\nevents: { A: '0' }\n"},
		{false, "version: 1\nevents: { A: 0 }\n"},
		{false, "version: 1\nevent_sets: { s: { id: '000' } }\n"},
		{false, "version: 1\nevent_sets: { '0': { id: '1' } }\n"},
		{false, "version: 1\nopt_out: { const: 'yes' }\n"},
		{false, "version: 1\ncustomer_segmentation: { const: gold }\n"},
		{false, "version: 1\nreferrer_url: { const: shop.example }\n"},
		{false, "version: 1\naction_source: { const: shop }\n"},
	} {
		_, _, err := Parse("mapping.yaml", []byte(c.text))
		if (err == nil) != c.ok {
			t.Errorf("parser: %q: %v", c.text, err)
		}
		if err := validates(t, s, []byte(c.text)); (err == nil) != c.ok {
			t.Errorf("schema: %q: %v", c.text, err)
		}
	}
}

// A key that the parser knows and the schema does not would be marked as a
// mistake by every editor.
func TestSchemaKnowsEveryKey(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	properties := doc.(map[string]any)["properties"].(map[string]any)
	full, err := os.ReadFile("../examples/mapping-full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name := range properties {
		if !slices.ContainsFunc(strings.Split(string(full), "\n"), func(l string) bool {
			return strings.HasPrefix(l, name+":") || strings.HasPrefix(l, "# "+name+":")
		}) {
			t.Errorf("examples/mapping-full.yaml does not show %s", name)
		}
	}
}

// An editor that has the schema offers every match key and identifier there is.
func TestSchemaKnowsTheMatchKeys(t *testing.T) {
	s := compiledSchema(t)
	for _, k := range slices.Concat(meta.MatchKeys[:], meta.Identifiers[:]) {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"version": 1, "match_keys": {"` + k.Name + `": ["properties.x"]}}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Errorf("match_keys.%s: %v", k.Name, err)
		}
	}
}
