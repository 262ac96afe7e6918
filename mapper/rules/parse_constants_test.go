package rules

import (
	"errors"
	"strings"
	"testing"

	"relay/internal/strictyaml"
)

// A mapping that could never work is refused, with the line, what is wrong and what to write
// instead.
func TestConstantsThatNeverWork(t *testing.T) {
	for _, c := range []struct{ text, line, what, fix string }{
		{"store:\n  page_id: { const: abc }", ":3:", `"abc" is not a page id`, "copy it"},
		{"store:\n  page_id: [properties.p, -5]", ":3:", "-5 is not a page id", "copy it"},
		{"store:\n  code: { const: " + strings.Repeat("ü", 65) + " }", ":3:", "at most 64 characters, this one has 65", "the store's code at Meta"},
		{"store: { code: { const: ada@x.com } }", ":2:", "holds an e-mail address", "identifies nobody"},
		{"default_country: US\nstore: { code: { const: (415) 555-2671 } }", ":3:", "holds a phone number", "identifies nobody"},
		{"value_field: 5", ":2:", "5 is a constant, not a name", "value, price"},
		{"consent:\n  - advertising\n  - 5", ":4:", "5 is a constant, not a name", "in quotes"},
		{"staff: 5", ":2:", "5 is a constant, not a place", "never_customers"},
		{"currency: [properties.c, { const: EUR }]", ":2:", `"EUR" is a constant`, "default_currency"},
		{"match_keys: { email: [5] }", ":2:", "5 can never be a customer's email", "context.traits.email"},
		{"match_keys: { email: { all: [properties.mail, { const: none }] } }", ":2:", `"none" can never be`, "[] to send none"},
		{"match_keys: { country: { const: Atlantis } }", ":2:", `"Atlantis" can never be`, "path"},
		{"match_keys: { email: context.traits.email, phone: 5 }", ":2:", "5 can never be", "context.traits.phone"},
		{"match_keys:\n  email: context.traits.email, properties.email", ":3:", "a single path that contains a comma", "[context.traits.email, properties.email]"},
		{"events:\n  Sale: “701000000000001”", ":3:", "no event set is called", "typographic quotes"},
		{"events: { Sale: { to: '1', when: properties.total = 0 } }", ":2:", "write == to compare", ""},
		{"products: { id: properties.products.sku }", ":2:", "is looked up in each product", "such as sku"},
		{"custom_data: { only: '*' }", ":2:", "contains a wildcard", "remove the key"},
		{"custom_data: { exclude: [properties.note, properties.pos_*] }", ":2:", "contains a wildcard", "list each one"},
		{"action_source: store", ":2:", "is not one of", "write physical_store"},
		{"action_source: [properties.channel, web]", ":2:", "is not one of", "write website"},
		{"timezone: Berlin", ":2:", "is not a time zone", "Europe/Berlin"},
		{"match_keys: { gender: false }", ":2:", "false can never be", "path"},
		{"match_keys: { fbc: { const: x } }", ":2:", `"x" is not of the form fb.1`, "properties.fbc"},
		{"match_keys: { external_id: { const: ada@x.com } }", ":2:", "holds an e-mail address", "identifies nobody"},
		{`upload_tag: "a\nb"`, ":2:", "line break", "one line"},
		{"upload_tag: till of ada@x.com", ":2:", "holds an e-mail address", "identifies nobody"},
		{"events:\n  A:\n    to: '1'\n    as: ada@x.com", ":5:", "holds an e-mail address", "identifies nobody"},
		{"events:\n  A:\n    to: '1'\n    as: +1 415 555 2671", ":5:", "holds a phone number", "identifies nobody"},
		{"events:\n  Sale by ada@x.com: '1'", ":3:", "the event's name, which is also sent as the conversion's name, holds an e-mail address", "as:"},
		{"events: { A: { to: '1', value: [{ const: much }] } }", ":2:", `"much" is not an amount`, "47.60"},
		{"events: { A: { to: '1', value: [true] } }", ":2:", "true is not an amount", "properties.amount"},
		{"events: { A: '0' }", ":2:", "not all zero", "Events Manager"},
		{"events: { A: '000' }", ":2:", "not all zero", "Events Manager"},
		{"event_sets: { s: { id: '0' } }", ":2:", "not all zero", "Events Manager"},
		{"event_sets: { '0': { id: '1' } }", ":2:", "cannot consist of digits only", ""},
		{"events: { A: " + strings.Repeat("7", 33) + " }", ":2:", "at most 32", "Events Manager"},
		{"referrer_url: { const: shop.example }", ":2:", "not an address that starts with http", "context.page.url"},
		{"opt_out: { const: maybe }", ":2:", "neither true nor false", "properties.opt_out"},
		{"original_event_data: { event_time: { const: yesterday } }", ":2:", "not a readable time", "2026"},
		{"original_event_data: { order_id: true }", ":2:", "neither text nor a number", "properties.order_id"},
		{"custom_data: { set: { year: { const: last } } }", ":2:", "a whole number", "another name"},
		{"custom_data: { set: { till: { const: ada@x.com } } }", ":2:", "holds an e-mail address", "match_keys"},
		{"products: { id: 5 }", ":2:", "5 is a constant", "sku"},
	} {
		_, _, err := Parse("m.yaml", []byte("version: 1\n"+c.text+"\n"))
		if err == nil {
			t.Errorf("%s: accepted", c.text)
			continue
		}
		for _, want := range []string{"m.yaml" + c.line, c.what, c.fix} {
			if !strings.Contains(rendered(err), want) {
				t.Errorf("%s:\n%s\nwant %q", c.text, rendered(err), want)
			}
		}
	}
}

// Constants that can be valid for some events are accepted.
func TestConstantsThatWork(t *testing.T) {
	for _, text := range []string{
		"match_keys: { country: [properties.c, { const: DE }], state: { const: Bayern }, zip: 94105, phone: { const: '0301234567' } }",
		"match_keys: { date_of_birth: { const: 1985-12-10 }, page_id: 1234, fb_login_id: { const: '77' }, external_id: { const: 0012 } }",
		"store: { code: 12, page_id: '1234', brand_page_id: { const: '0099' } }\nupload_tag: Filiale Köln {date}",
		"events: { A: { to: '1', as: Sale 2026-11, value: [properties.x, 0] } }\noriginal_event_data: { event_time: { const: 2026-11-20 } }",
		"custom_data: { set: { year: 2019, order_id: 55, flag: true, note: { const: 'true' } } }\nvalue_field: '5'\nconsent: '5'",
	} {
		if _, _, err := Parse("m.yaml", []byte("version: 1\n"+text+"\n")); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// rendered returns an error as relay check prints it.
func rendered(err error) string {
	if problems, ok := errors.AsType[strictyaml.Problems](err); ok {
		return problems.Render()
	}
	return err.Error()
}

// An entry of never_customers that is only a mail host is no address: a warning says what to write.
func TestMailHostInNeverCustomers(t *testing.T) {
	for text, want := range map[string]string{
		"gmail.com": `*@gmail.com`, "'@shop.example'": `*@shop.example`, "kasse.de": "*@kasse.de",
		"ada@example.com": "", "'*@shop.example'": "", "ada.hofe": "", "Laufkunde": "", "0301234567": "",
	} {
		_, warnings, err := Parse("m.yaml", []byte("version: 1\nnever_customers: ["+text+"]\ndefault_country: DE\nevents: { E: '1' }\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, w := range warnings {
			got += w.Error() + w.Hint
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
