package rules

import (
	"slices"
	"strings"
	"testing"
	_ "time/tzdata"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/match"
)

func parse(t *testing.T, text string) (*Rules, []strictyaml.Problem) {
	t.Helper()
	r, warnings, err := Parse("m.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%s", text, rendered(err))
	}
	return r, warnings
}

// A mapping of a shop with two event sets, and what it means.
func TestParse(t *testing.T) {
	r, warnings := parse(t, `version: 1
default_country: us
default_currency: USD
event_sets:
  north: { id: 701000000000001 }
  berlin: { id: 701000000000002, default_country: Germany, default_currency: eur, test_event_code: TEST1 }
events:
  Order Completed: north
  Sale: [north, berlin, 701000000000003]
  Repair Paid:
    to: [berlin]
    as: Purchase
    value: [properties.total, { path: properties.cents, minor_units: true }]
    when: properties.total > 0
    action_source: chat
lead: { Signed Up: berlin }
complete_registration: { Signed Up: berlin }
staff: properties.cashier
custom_data: { exclude: [note], keep: ['["sales person"]'], set: { till: properties.till } }
match_keys: { phone: [context.traits.phone, properties.tel], email: { all: [context.traits.email, properties.mail] } }
timezone: Europe/Berlin
`)
	if len(warnings) != 2 || !strings.Contains(warnings[0].Message, "test_event_code") || !strings.Contains(warnings[1].Message, "not physical_store") {
		t.Errorf("warnings %v", warnings)
	}
	for name, want := range map[string][]string{
		"Order Completed": {"701000000000001"}, "Sale": {"701000000000001", "701000000000002", "701000000000003"},
		"Signed Up": {"701000000000002"}, "Unknown": nil, "order completed": nil,
	} {
		if got := r.Routes(name); !slices.Equal(got, want) {
			t.Errorf("%s goes to %v, want %v", name, got, want)
		}
	}
	if want := []string{"Order Completed", "Sale", "Repair Paid", "Signed Up"}; !slices.Equal(r.EventNames, want) {
		t.Errorf("events %q, want %q", r.EventNames, want)
	}
	var names []string
	for _, route := range r.Events["Signed Up"] {
		names = append(names, route.Name("Signed Up", meta.Conversions))
	}
	if !slices.Equal(names, []string{"Lead", "CompleteRegistration"}) {
		t.Errorf("Signed Up is sent as %q", names)
	}
	repair := r.Events["Repair Paid"][0]
	if repair.Name("Repair Paid", meta.Conversions) != Purchase || repair.When == nil || len(repair.Value) != 2 || repair.Value[0].Minor || !repair.Value[1].Minor || repair.Line != 11 {
		t.Errorf("Repair Paid: %+v", repair)
	}
	north, berlin := r.DefaultsOf(&r.Sets[0]), r.DefaultsOf(&r.Sets[1])
	if north.Country != "us" || north.Currency != "USD" || north.CountryLine != 2 || berlin.Country != "de" || berlin.Currency != "EUR" || berlin.CurrencyLine != 6 {
		t.Errorf("defaults %+v and %+v", north, berlin)
	}
	if got := r.Countries(); !slices.Equal(got, []string{"us", "de"}) {
		t.Errorf("countries %q", got)
	}
	if !r.AllOf[match.Email] || r.AllOf[match.Phone] || len(r.Keys[match.Phone]) != 2 || len(r.Keys[match.FirstName]) == 0 {
		t.Error("match_keys are not read")
	}
	if r.Lines["staff"] != 18 || len(r.Staff) != 1 || !r.Times.LocSet || r.Times.Loc.String() != "Europe/Berlin" || len(r.Digest) != 12 {
		t.Errorf("staff at line %d, zone %v, digest %s", r.Lines["staff"], r.Times.Loc, r.Digest)
	}
	custom := r.Events["Sale"][0].Custom
	if custom.Exclude[0].Text != "properties.note" || custom.Keep[0].Text != `properties["sales person"]` || custom.Set[0].Name != "till" {
		t.Errorf("custom_data %+v", custom)
	}
}

// The names of conversions, in both formats.
func TestConversionNames(t *testing.T) {
	for _, c := range []struct{ event, as, conversions, offline string }{
		{"Order Completed", "", "Purchase", "Purchase"},
		{"Product Viewed", "", "ViewContent", "ViewContent"},
		{"Sale", "", "Sale", "Other"}, // the offline format has only standard names
		{"Sale", "Purchase", "Purchase", "Purchase"},
		{"Order Completed", "Repair", "Repair", "Other"},
		{"Sale", "Other", "Other", "Other"},
		{"order completed", "", "order completed", "Other"}, // names match exactly
	} {
		r := Route{List: ListEvents, As: c.as}
		if got := r.Name(c.event, meta.Conversions); got != c.conversions {
			t.Errorf("%s as %q: %s, want %s", c.event, c.as, got, c.conversions)
		}
		if got := r.Name(c.event, meta.Offline); got != c.offline {
			t.Errorf("%s as %q, offline: %s, want %s", c.event, c.as, got, c.offline)
		}
	}
}

// The rules of one event add to those of the mapping.
func TestCustomDataOfOneEvent(t *testing.T) {
	r, _ := parse(t, `version: 1
default_country: US
custom_data: { exclude: [a], keep: [b], only: [c], set: { x: properties.x, y: properties.y } }
events:
  Plain: '1'
  Own: { to: '1', custom_data: { exclude: [d], only: [e], set: { y: properties.own } } }
  Silent: { to: '1', custom_data: { only: [] } }
`)
	show := func(name string) string {
		var out []string
		c := r.Events[name][0].Custom
		for _, list := range [][]event.Path{c.Exclude, c.Keep, c.Only} {
			var names []string
			for i := range list {
				names = append(names, list[i].Last())
			}
			out = append(out, strings.Join(names, ","))
		}
		if c.Only == nil {
			out[2] = "everything"
		}
		for _, f := range c.Set {
			out = append(out, f.Name+"="+f.Sources[0].Label())
		}
		return strings.Join(out, " ")
	}
	for name, want := range map[string]string{
		"Plain":  "a b c x=properties.x y=properties.y",
		"Own":    "a,d b e x=properties.x y=properties.own",
		"Silent": "a b  x=properties.x y=properties.y",
	} {
		if got := show(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// Mistakes that people make in a mapping, each with its place and what to write.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, line, what, fix string }{
		{"events: { A: '1' }", ":1:1", `the key "version" is missing`, "version: 1"},
		{"version: 2", ":1:10", `does not support version "2"`, "write 1"},
		{"version: 1\nversions: 1", ":2:", `unknown key "versions"`, ""},
		{"- a", ":1:", "expected an object", ""},
		{"version: 1\nevents: [A]", ":2:", "expected an object", ""},
		{"version: 1\nevents: { A: [] }", ":2:", "names no event set", "event_sets"},
		{"version: 1\nevents: { A: { to: [] } }", ":2:", "names no event set", ""},
		{"version: 1\nevents: { A: { as: Purchase } }", ":2:", `"to" is missing`, ""},
		{"version: 1\nevents: { '': '1' }", ":2:", "an event needs a name", ""},
		{"version: 1\nevents: { A: nort }\nevent_sets: { north: { id: '1' } }", ":2:", `no event set is called "nort"`, `did you mean "north"?`},
		{"version: 1\nevents: { A: south }", ":2:", "no event set is called", "define it under event_sets"},
		{"version: 1\nevents: { A: 7.01E+14 }", ":2:", "ids are digits", "a spreadsheet or number type has damaged the id"},
		{"version: 1\nevents: { A: ['1', '1'] }", ":2:", "A already goes to event set 1", "once"},
		{"version: 1\nlead: { A: { to: '1', as: Lead } }", ":2:", `unknown key "as"`, "get their name from it"},
		{"version: 1\nevent_sets: { a: { id: '1' }, b: { id: '1' } }", ":2:", `the id 1 already has the name "a"`, ""},
		{"version: 1\nevent_sets: { a: {} }", ":2:", `"id" is missing`, ""},
		{"version: 1\napi: offlin", ":2:", "is not one of conversions, offline", `did you mean "offline"?`},
		{"version: 1\nunmatched: send", ":2:", "is not one of skip, hold", ""},
		{"version: 1\ndefault_country: Narnia", ":2:", "is not a country", "US or DE"},
		{"version: 1\ndefault_currency: Dollar", ":2:", "is not an ISO 4217 currency code", "USD or EUR"},
		{"version: 1\ndefault_currency: ' '", ":2:", "is empty", ""},
		{"version: 1\nvalue_field: vlaue", ":2:", "is neither value nor price", `did you mean "value"?`},
		{"version: 1\nvalue_field: []", ":2:", "names no property", "value or price"},
		{"version: 1\nconsent: []", ":2:", "names no category", "remove the key"},
		{"version: 1\ntime_format: []", ":2:", "is empty", "2 January 2006"},
		{"version: 1\ntime_format: dd.mm.yy", ":2:", "is not a time format", ""},
		{"version: 1\nproducts: { in: 'properties.carts[].lines' }", ":2:", "leads to several values", "without []"},
		{"version: 1\nproducts: { in: [] }", ":2:", "is empty", "properties.line_items"},
		{"version: 1\nproducts: { id: 'a..b' }", ":2:", "a name is missing", ""},
		{"version: 1\nlimited_data_use: { country: 1 }", ":2:", `"state" is missing`, ""},
		{"version: 1\nlimited_data_use: { country: 1, state: 7 }", ":2:", "7 is not one of Meta's numbers", "1000 (CA)"},
		{"version: 1\nmatch_keys: { em: context.traits.email }", ":2:", `unknown key "em"`, "write email, the plain name"},
		{"version: 1\nmatch_keys: { email: }", ":2:", "names no source", "or [] to send none"},
		{"version: 1\nmatch_keys: { email: 'a..b' }", ":2:", "a name is missing", "write paths as"},
		{"version: 1\nmatch_keys: { email: { path: a, const: b } }", ":2:", "exactly one of path, const and expr", ""},
		{"version: 1\nmatch_keys: { email: { expr: 'nothing(' } }", ":2:", "of the expression", ""},
		{"version: 1\nmatch_keys: { email: { path: properties.mail, minor_units: true } }", ":2:", `unknown key "minor_units"`, "only the value of an event"},
		{"version: 1\ncustom_data: { set: { value: properties.x } }", ":2:", "value is set by relay itself", "long form with value"},
		{"version: 1\ncustom_data: { set: { currency: properties.x } }", ":2:", "currency is set by relay itself", "under currency"},
		{"version: 1\ncustom_data: { set: { content_ids: properties.x } }", ":2:", "content_ids is set by relay itself", "under products"},
		{"version: 1\ncustom_data: { set: { first_name: properties.x } }", ":2:", "personal data is never sent", "match_keys"},
		{"version: 1\ncustom_data: { set: { '': properties.x } }", ":2:", "a field needs a name", ""},
		{"version: 1\ncustom_data: { set: { x: properties.first_name } }", ":2:", "properties.first_name is personal data", "custom_data.keep"},
		{"version: 1\ncustom_data: { set: { x: properties.customer.name } }", ":2:", "is personal data", "custom_data.keep"},
		{"version: 1\ncustom_data: { keep: ['a..b'] }", ":2:", "a name is missing", ""},
		{"version: 1\nnever_customers: ['*']", ":2:", "would leave out all customers", "*@shop.example"},
	} {
		_, _, err := Parse("m.yaml", []byte(c.text+"\n"))
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

// Entries that are legal but probably not meant.
func TestWarnings(t *testing.T) {
	const fine = "version: 1\ndefault_country: US\ndefault_currency: USD\n"
	for _, c := range []struct{ text, what, fix string }{
		{fine + "events: { Order Completed: '1' }", "", ""},
		{fine, "no event is mapped: nothing will be sent", "under events"},
		{fine + "events: { Order Complete: '1' }", "is not a known event, but similar to one", `did you mean "Order Completed"?`},
		{fine + "events: { 'Sale ': '1' }", "starts or ends with white space", ""},
		{fine + "events: { 'Order *': '1' }", "* is not a wildcard", "name each event"},
		{fine + "events: { Sale: { to: '1', as: Purchse } }", "is not one of Meta's names", `did you mean "Purchase"?`},
		{fine + "events: { Sale: { to: '1', as: Repair } }", "", ""},
		{fine + "api: offline\nevents: { Sale: { to: '1', as: Repair } }", "the offline format sends Other", ""},
		{fine + "events: { Sale: { to: '1', value: 'properties.items[].price' } }", "can lead to several amounts", "sum("},
		{fine + "api: offline\nevents: { Sale: '1' }", "Meta shut down the offline format", "conversions"},
		{"version: 1\ndefault_currency: USD\nevents: { Sale: '1' }", "no default_country", "two-letter code"},
		{"version: 1\ndefault_currency: USD\nmatch_keys: { phone: [] }\nevents: { Sale: '1' }", "", ""}, // nothing to read by a country
		{"version: 1\ndefault_country: US\nevents: { Order Completed: '1' }", `a "Order Completed" without a currency will be held`, "three-letter code"},
		{"version: 1\ndefault_country: US\nevents: { Sale: '1' }", "", ""}, // only a Purchase needs a currency
		{fine + "limited_data_use: true\nevents: { Sale: '1' }", "events from tills have no IP address", "state: 1000"},
		{fine + "limited_data_use: false\nevents: { Sale: '1' }", "", ""},
		{fine + "never_customers: ['*@gmail.com']\nevents: { Sale: '1' }", "leaves out all customers with an address there", ""},
		{fine + "match_keys: { email: context.trait.email }\nevents: { Sale: '1' }", `has no member "trait"`, `did you mean "traits"?`},
		{fine + "match_keys: { email: mail }\nevents: { Sale: '1' }", `has no member "mail"`, "paths start at the event"},
		{fine + "match_keys: { email: context.traits.addrress.city }\nevents: { Sale: '1' }", `has no member "addrress"`, `did you mean "address"?`},
		{fine + "match_keys: { email: context.traits.address.citty }\nevents: { Sale: '1' }", `has no member "citty"`, `did you mean "city"?`},
		{fine + "match_keys: { email: context.traits.club_mail }\nevents: { Sale: '1' }", "", ""}, // a custom trait
		{fine + "custom_data: { set: { x: context.traits.plan } }\nevents: { Sale: '1' }", "sends a trait of the customer unhashed", ""},
		{fine + "custom_data: { set: { x: context.traits.email } }\nevents: { Sale: '1' }", "is a source of a match key", ""},
		{fine + "custom_data: { keep: [first_name], set: { x: properties.first_name } }\nevents: { Sale: '1' }", "", ""},
	} {
		_, warnings := parse(t, c.text+"\n")
		var got strings.Builder
		for _, w := range warnings {
			got.WriteString(w.Error() + "; " + w.Hint + "\n")
		}
		if (c.what == "") != (len(warnings) == 0) || !strings.Contains(got.String(), c.what) || !strings.Contains(got.String(), c.fix) {
			t.Errorf("%s:\n%swant %q, %q", c.text, got.String(), c.what, c.fix)
		}
	}
}

// A till that sends a misspelled event is told so. The answer is cached: it comes with every
// event.
func TestNearMiss(t *testing.T) {
	r, _ := parse(t, "version: 1\nevents: { Order Completed: '1', Sale: '1' }\n")
	for range 2 {
		for name, want := range map[string]string{
			"order completed": "Order Completed", "order_completed": "Order Completed", "OrderCompleted": "Order Completed", "Order Completd": "Order Completed", "sale": "Sale",
			"Order Cancelled": "", "Order Refunded": "", "Gift Card Sold": "", "Sales": "Sale", "": "", strings.Repeat("x", maxNearName+1): "",
		} {
			if got := r.NearMiss(name); got != want {
				t.Errorf("%.20q: %q, want %q", name, got, want)
			}
		}
	}
	for i := range 2 * maxNearNames {
		r.NearMiss("event " + strings.Repeat("y", i%50) + string(rune(0x4e00+i)))
	}
	kept := 0
	r.nearMisses.Range(func(any, any) bool { kept++; return true })
	if kept > maxNearNames {
		t.Errorf("%d names are cached, at most %d are allowed", kept, maxNearNames)
	}
}

func TestNearPath(t *testing.T) {
	for path, want := range map[string]string{
		"context.trait.email": "trait traits", "propertis.x": "propertis properties", "context.traits.emial": "emial email", "properties.anything": "", "userId": "", "a..b": "", "mail": "",
	} {
		name, near, ok := NearPath(path)
		if got := strings.TrimSpace(name + " " + near); ok != (want != "") || ok && got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, ok, want)
		}
	}
}

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		glob, s string
		want    bool
	}{
		{"*@shop.example", "info@shop.example", true},
		{"*@shop.example", "info@shop.example.org", false},
		{"pos-*", "pos-3", true},
		{"pos-*", "POS-3", false},
		{"a*b*c", "a1b2c", true},
		{"a*b*c", "acb", false},
		{"a*b*c", "abc", true},
		{"a*a", "a", false},
		{"*", "", true},
		{"x", "x", true},
		{"x", "xy", false},
		{"**", "x", true},
	} {
		if got := MatchGlob(c.glob, c.s); got != c.want {
			t.Errorf("%s and %s: %v", c.glob, c.s, got)
		}
	}
}

// The shop's own accounts, by any name under which a till sends them.
func TestNeverCustomers(t *testing.T) {
	r, _ := parse(t, "version: 1\ndefault_country: US\nnever_customers: [' Office@Shop.example ', '*@till.example', '+1 555 0100', '0345', Laufkunde]\nevents: { E: '1' }\n")
	for name, want := range map[string]bool{
		"office@shop.example": true, `"Shop" <office@shop.example>`: true, "mailto:OFFICE@shop.example": true, match.SHA256("office@shop.example"): true, "kim@till.example": true, "Kim <kim@till.example>": true,
		"1 (555) 0100": true, "+15550100": true, "laufkunde": true, "0345": true, "ada@shop.example": false, "0346": false, "": false,
	} {
		if got := r.NeverCustomers.Has(name, r.Countries()); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	none, _ := parse(t, "version: 1\nevents: { E: '1' }\n")
	if !none.NeverCustomers.Empty() || none.NeverCustomers.HasText("office@shop.example") {
		t.Error("a mapping without never_customers has some")
	}
}

// What Meta accepts in a field of custom_data, as tills and tables write it.
func TestFits(t *testing.T) {
	text := func(s string) *event.Node { return &event.Node{Kind: event.Text, Text: s} }
	number := func(s string) *event.Node { return &event.Node{Kind: event.Number, Text: s} }
	for _, c := range []struct {
		shape meta.Shape
		n     *event.Node
		want  bool
	}{
		{meta.TextShape, text("x"), true},
		{meta.TextShape, number("1"), false},
		{meta.NumberShape, number("1.5"), true},
		{meta.NumberShape, text("1,50 €"), true},
		{meta.NumberShape, text("much"), false},
		{meta.NumberShape, number("1e999"), false},
		{meta.WholeShape, number("3"), true},
		{meta.WholeShape, number("3.0"), true},
		{meta.WholeShape, number("3.5"), false},
		{meta.WholeShape, text("3"), true},
		{meta.WholeShape, text("3 EUR"), false},
		{meta.BoolShape, &event.Node{Kind: event.True}, true},
		{meta.BoolShape, text("true"), false},
		{meta.ListShape, &event.Node{Kind: event.List}, true},
		{meta.ListShape, &event.Node{Kind: event.Object}, false},
		{meta.ObjectShape, &event.Node{Kind: event.Object}, true},
		{meta.ObjectShape, text("{}"), false},
	} {
		if got := Fits(meta.Field{Shape: c.shape}, c.n, Purchase); got != c.want {
			t.Errorf("%s: %s %q: %v", c.shape, c.n.Kind, c.n.Text, got)
		}
	}
	delivery := text(meta.Deliveries.Names[0])
	if f := (meta.Field{Shape: meta.DeliveryShape}); !Fits(f, delivery, Purchase) || Fits(f, delivery, "Lead") || Fits(f, text("drone"), Purchase) {
		t.Error("delivery_category is for a Purchase, with one of Meta's values")
	}
}

func TestPageIDAndWebAddress(t *testing.T) {
	for text, want := range map[string]string{"123": "123", "0099": "99", "0": "", "-1": "", "x": "", "1.0": "", "9223372036854775807": "9223372036854775807", "9223372036854775808": "", "": ""} {
		if got := PageID(text); got != want {
			t.Errorf("page id %q: %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]bool{
		"https://shop.example/a?b=1": true, "HTTP://shop.example": true, "https://": false, "shop.example": false, "ftp://shop.example": false, "https://shop.example/a b": false,
		"https://" + strings.Repeat("x", maxURL): false,
	} {
		if got := IsWebAddress(text); got != want {
			t.Errorf("%.40q: %v", text, got)
		}
	}
}

// The order of day and month in time_format also applies to birth dates.
func TestBirthDateOrder(t *testing.T) {
	for format, want := range map[string]match.DateOrder{
		`"02/01/2006 15:04"`: match.DayFirst, `"01/02/2006"`: match.MonthFirst, `"02-01-2006"`: match.DayFirst, `"01-02-2006"`: match.MonthFirst, `"2006-01-02"`: match.AnyOrder, `"2006/01/02 15:04"`: match.AnyOrder,
		`["02/01/2006", "01/02/2006"]`: match.AnyOrder, `["02/01/2006", "02-01-2006 15:04"]`: match.DayFirst,
	} {
		if r, _ := parse(t, "version: 1\ntime_format: "+format+"\n"); r.Slashes != want {
			t.Errorf("%s: %v, want %v", format, r.Slashes, want)
		}
	}
}
