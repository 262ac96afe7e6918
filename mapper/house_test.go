package mapper

import (
	"slices"
	"strings"
	"testing"
	"time"

	"relay/internal/strictyaml"
	"relay/mapper/match"
	"relay/mapper/rules"
)

// fateOf returns the match keys of an event that is sent, else the reason why it is not.
func fateOf(t *testing.T, mapping, members string) string {
	t.Helper()
	o := mapOne(t, parseForKeys(t, mapping), `{"event":"E",`+members+`}`)
	if o.Kind != Send {
		return o.Reason
	}
	var keys []string
	for k := range wireOf(t, o)["user_data"].(map[string]any) {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// TestNobody: a sale to the till's default customer is a cash sale.
func TestNobody(t *testing.T) {
	traits := func(json string) string { return `"context":{"traits":` + json + `}` }
	for _, c := range []struct{ mapping, members, want string }{
		{"", traits(`{"name":"Walk-in Customer","email":"walkin@example.com"}`), ReasonNoCustomer},
		{"", traits(`{"name":"Cash Customer","phone":"0000000000","email":""}`), ReasonNoCustomer},
		{"", `"userId":"0",` + traits(`{"name":"Default Customer","address":{"country":"US"}}`), ReasonNoCustomer},
		{"", `"userId":"walkin",` + traits(`{"firstName":"Walk-in","lastName":"Customer","email":"noemail@example.com"}`), ReasonNoCustomer},
		{"", `"userId":"guest"`, ReasonNoCustomer},
		{"", `"userId":["guest","0"]`, ReasonNoCustomer},
		{"", traits(`{"email":"none","address":{"city":"Springfield","state":"MA","postalCode":"01101","country":"US"}}`), ReasonNoCustomer},
		{"", traits(`{"email":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`), ReasonNoCustomer},
		{"", traits(`{"email":"\u200b \ufeff"}`), ReasonNoCustomer},
		{"unmatched: hold\n", `"userId":"guest"`, ReasonNoMatchKey},
		{"", traits(`{"name":"Gast Kunde","email":"customer@example.com","address":{"city":"Berlin"}}`), ReasonNoCustomer},
		{"", traits(`{"name":"散客"}`), ReasonNoCustomer},
		{"", traits(`{"name":"N.N."}`), ReasonNoCustomer},
		{"", traits(`{"email":"brak","phone":"nie podano"}`), ReasonNoCustomer}, // none, in a field of addresses
		{"", traits(`{"email":"k. A.","phone":"keine"}`), ReasonNoCustomer},
		{"", traits(`{"email":"yok"}`), ReasonNoCustomer},
		{"", traits(`{"email":"n.v.t.","phone":"geen"}`), ReasonNoCustomer},
		{"", traits(`{"email":"není","phone":"žádný"}`), ReasonNoCustomer},
		{"", traits(`{"email":"non renseigné"}`), ReasonNoCustomer},
		{"", traits(`{"email":"не указано"}`), ReasonNoCustomer},
		{"", traits(`{"email":"#REF!"}`), ReasonNoCustomer},
		{"", traits(`{"firstName":"Timothy","lastName":"Brak"}`), "fn ln"}, // a name is one
		{"", traits(`{"email":"Timothy Brak"}`), ReasonNoMatchKey},

		// Real customers are kept, and values that cannot be used have a reason.
		{"", traits(`{"email":"none","firstName":"Pat","lastName":"Doe","address":{"city":"Springfield"}}`), "ct fn ln"},
		{"", `"userId":"C-7",` + traits(`{"name":"Walk-in Customer"}`), "external_id"},
		{"", `"userId":"guest",` + traits(`{"email":"a@b"}`), ReasonNoMatchKey},
		{"", traits(`{"name":"Guest","phone":"12"}`), ReasonNoMatchKey},
		{"", traits(`{"address":{"city":"Springfield"}}`), ReasonWeakMatchKeys},
		{"", traits(`{"email":true}`), ReasonNoMatchKey},
	} {
		if got := fateOf(t, c.mapping, c.members); got != c.want {
			t.Errorf("%s%s: %q, want %q", c.mapping, c.members, got, c.want)
		}
	}
}

// TestNeverCustomers: the shop's own addresses, numbers and ids count as
// absent, however they are spelled.
func TestNeverCustomers(t *testing.T) {
	const never = "default_country: US\nnever_customers: [\"*@acme-shop.example\", till-default, \"+15550100\", \"+1 413 555 0142\", office@example.com, \"pos-*\"]\n"
	traits := func(json string) string { return `"context":{"traits":` + json + `}` }
	for _, c := range []struct{ members, want string }{
		{traits(`{"email":"info@acme-shop.example"}`), ReasonNoCustomer},
		{traits(`{"email":"\"Acme\" <Info@ACME-shop.example>"}`), ReasonNoCustomer},
		{traits(`{"email":" OFFICE@example.com "}`), ReasonNoCustomer},
		{traits(`{"email":"` + match.SHA256("office@example.com") + `"}`), ReasonNoCustomer},
		{traits(`{"phone":"+1 555 0100"}`), ReasonNoCustomer}, // not even a possible number
		{traits(`{"phone":"(413) 555-0142"}`), ReasonNoCustomer},
		{traits(`{"phone":14135550142}`), ReasonNoCustomer},
		{`"userId":"Till-Default"`, ReasonNoCustomer},
		{`"userId":"pos-3"`, ReasonNoCustomer},
		{traits(`{"email":"info@acme-shop.example","name":"Acme Store","address":{"city":"Springfield","country":"US"}}`), ReasonNoCustomer},
		{traits(`{"email":["info@acme-shop.example","pat@example.com"],"name":"Pat Doe"}`), "em fn ln"},
		{`"userId":"C-7",` + traits(`{"email":"info@acme-shop.example","firstName":"Pat"}`), "external_id fn"},
		{traits(`{"email":"info@acme-shop.example","phone":"12"}`), ReasonNoMatchKey},
		{traits(`{"email":"info@acme-shop.example.org"}`), "em"},
		{traits(`{"email":"postoffice@example.com"}`), "em"},
		{`"userId":"till-default-2"`, "external_id"},
	} {
		if got := fateOf(t, never, c.members); got != c.want {
			t.Errorf("%s: %q, want %q", c.members, got, c.want)
		}
	}
	m := parseForKeys(t, never)
	for name, want := range map[string]bool{
		"info@acme-shop.example": true, "OFFICE@example.com": true, "413-555-0142": true, "+1 413 555 0142": true, "till-default": true, "pos-12": true,
		match.SHA256("office@example.com"): true, "pat@example.com": false, "413-555-0143": false, "C-7": false, "": false,
	} {
		if got := m.NeverCustomer(name); got != want {
			t.Errorf("NeverCustomer(%q) = %v", name, got)
		}
	}
	if parseForKeys(t, "").NeverCustomer("pat@example.com") {
		t.Error("a mapping without never_customers keeps an address for the shop")
	}
	o := mapOne(t, m, `{"event":"E","userId":"C-7",`+traits(`{"email":"info@acme-shop.example"}`)+`}`)
	if len(o.Notes) != 1 || o.Notes[0].Code != noteHouse || o.Notes[0].Field != "context.traits.email" || strings.Contains(o.Notes[0].Message, "acme") {
		t.Errorf("%+v", o.Notes)
	}
}

// The shop's number belongs to the shop in each spelling, also if the mapping has no
// default_country.
func TestNeverCustomersWithoutCountry(t *testing.T) {
	for _, own := range []string{"0044 20 7946 0958", "442079460958", "+44 20 7946 0958", "+44 (0)20 7946 0958"} {
		for _, phone := range []string{"+44 20 7946 0958", "0044-20-7946-0958", match.SHA256("442079460958")} {
			if got := fateOf(t, "never_customers: [\""+own+"\"]\n", `"context":{"traits":{"phone":"`+phone+`"}}`); got != ReasonNoCustomer {
				t.Errorf("never_customers %s, phone %s: %q, want %q", own, phone, got, ReasonNoCustomer)
			}
		}
	}
}

// TestStaff checks that the employee who rang up a sale is never its customer, and is not sent in
// custom_data.
func TestStaff(t *testing.T) {
	const staff = "default_country: US\nstaff: properties.cashier\n"
	event := func(cashier, members string) string { return `"properties":{"cashier":` + cashier + `},` + members }
	traits := func(json string) string { return `"context":{"traits":` + json + `}` }
	for _, c := range []struct{ members, want string }{
		{event(`"kim@example.com"`, traits(`{"email":"Kim@Example.com","name":"Kim Roe"}`)), ReasonNoCustomer},
		{event(`"7"`, `"userId":7`), ReasonNoCustomer},
		{event(`"413-555-0142"`, traits(`{"phone":"+14135550142"}`)), ReasonNoCustomer},
		{event(`{"id":"7","contact":{"email":"kim@example.com"}}`, `"userId":"7",`+traits(`{"email":"kim@example.com"}`)), ReasonNoCustomer},
		{event(`["6","7"]`, `"userId":"7"`), ReasonNoCustomer},
		{event(`"kim@example.com"`, traits(`{"email":"`+match.SHA256("kim@example.com")+`"}`)), ReasonNoCustomer},
		{event(`"kim@example.com"`, traits(`{"email":"pat@example.com"}`)), "em"},
		{event(`"kim@example.com"`, `"userId":"C-7",`+traits(`{"email":"kim@example.com"}`)), "external_id"},
		{event(`null`, `"userId":"7"`), "external_id"},
		{event(`"7"`, `"userId":"77"`), "external_id"},
	} {
		if got := fateOf(t, staff, c.members); got != c.want {
			t.Errorf("%s: %q, want %q", c.members, got, c.want)
		}
	}
	o := mapOne(t, parseForKeys(t, staff), `{"event":"E","userId":"C-7","properties":{"cashier":"Kim Roe","color":"red"}}`)
	if custom := wireOf(t, o)["custom_data"].(map[string]any); len(custom) != 1 || custom["color"] != "red" {
		t.Errorf("%v", custom)
	}
}

func TestNeverCustomersRefused(t *testing.T) {
	for text, want := range map[string]string{
		"never_customers: ['*']\n":      "would leave out all customers",
		"never_customers: ['*@*.*']\n":  "would leave out all customers",
		"never_customers: ['']\n":       "is empty",
		"never_customers: { a: b }\n":   "expected",
		"staff: []\n":                   "names no source",
		"staff: properties.\n":          "a name is missing",
		"never_customers: [{ a: b }]\n": "expected",
	} {
		if _, _, err := Parse("m.yaml", []byte("version: 1\n"+text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, warnings, err := Parse("m.yaml", []byte("version: 1\nnever_customers: ['*@gmail.com']\n"))
	if err != nil || !slices.ContainsFunc(warnings, func(p strictyaml.Problem) bool {
		return strings.Contains(p.Message, "all customers with an address there")
	}) {
		t.Errorf("%v %v", warnings, err)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		glob, s string
		want    bool
	}{
		{"*@a.b", "x@a.b", true},
		{"*@a.b", "@a.b", true},
		{"*@a.b", "x@a.bc", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"a*", "a", true},
		{"a*a", "a", false},
		{"abc", "abc", true},
		{"abc", "abcd", false},
		{"*x*", "aaxaa", true},
	} {
		if got := rules.MatchGlob(c.glob, c.s); got != c.want {
			t.Errorf("%s, %s: %v", c.glob, c.s, got)
		}
	}
}

// TestTraits: a trait is found under the spellings that RudderStack, Shopify
// and tills use, in any case, in the context or at the root.
func TestTraits(t *testing.T) {
	sums := func(members string) map[string]any {
		return wireOf(t, mapOne(t, parseForKeys(t, "default_country: US\n"), `{"event":"E",`+members+`}`))["user_data"].(map[string]any)
	}
	for members, want := range map[string]string{
		`"context":{"traits":{"firstname":"Pat","lastname":"Doe","address":{"zip":"01101","city":"Springfield","state":"MA"}}}`:     "fn=pat ln=doe zp=01101 ct=springfield st=ma",
		`"context":{"traits":{"FirstName":"Pat","LAST_NAME":"Doe","Email":"pat@example.com","phone_number":"+14135550142"}}`:        "fn=pat ln=doe em=pat@example.com ph=14135550142",
		`"traits":{"email":"pat@example.com","firstname":"Pat","address":{"zipcode":"01101","region":"MA"}}`:                        "em=pat@example.com fn=pat zp=01101 st=ma",
		`"traits":{"name":"Pat Doe"},"context":{"traits":{"email":"pat@example.com"}}`:                                              "em=pat@example.com fn=pat ln=doe",
		`"userId":"u","context":{"traits":{"zip":"01101","city":"Springfield","province":"MA","countryCode":"US"}}`:                 "external_id=u zp=01101 ct=springfield st=ma country=us",
		`"userId":"u","context":{"traits":{"address":{"postcode":"01101","town":"Springfield"}}}`:                                   "external_id=u zp=01101 ct=springfield",
		`"context":{"traits":{"email":"","EMAIL":"pat@example.com"}}`:                                                               "em=pat@example.com",
		`"context":{"traits":{"email":"pat@example.com","Email":"kim@example.com"}}`:                                                "em=pat@example.com",
		`"context":{"traits":{"e-mail":"pat@example.com","mobile":"+14135550142"}}`:                                                 "em=pat@example.com ph=14135550142",
		`"context":{"traits":{"Email Address":"pat@example.com"}}`:                                                                  "em=pat@example.com",
		`"userId":"u","traits":[],"context":{"traits":[]}`:                                                                          "external_id=u",
		`"userId":"u","traits":{"address":"1 Fake St"}`:                                                                             "external_id=u",
		`"userId":"u","context":{"traits":{"email_opt_in":"yes","phone_type":"home","lastLogin":"x","firstSeen":"y","named":"no"}}`: "external_id=u",
	} {
		got := sums(members)
		n := 0
		for pair := range strings.FieldsSeq(want) {
			key, value, _ := strings.Cut(pair, "=")
			if list, _ := got[key].([]any); len(list) != 1 || list[0] != match.SHA256(value) {
				t.Errorf("%s: %s is not %s: %v", members, key, value, got)
			}
			n++
		}
		if _, country := got["country"]; country && !strings.Contains(want, "country=") {
			n++ // beside an address, by default
		}
		if len(got) != n {
			t.Errorf("%s: %v, want %s", members, got, want)
		}
	}
}

// The till's default customer can be in one field or split over two.
func TestDefaultCustomerInTwoFields(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte("version: 1\ndefault_country: US\nevents: { Sale: '1' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for traits, want := range map[string]string{
		`"firstName":"Gast","lastName":"Kunde"`:                                 ReasonNoCustomer,
		`"firstName":"Cliente","lastName":"Varios","address":{"city":"Madrid"}`: ReasonNoCustomer,
		`"firstName":"Client","lastName":"Comptoir"`:                            ReasonNoCustomer,
		`"firstName":"Gast","lastName":"Meier"`:                                 "",
		`"firstName":"Walk-in","lastName":"Customer","phone":"(212) 555-0147"`:  "",
		`"firstName":"Ada","lastName":"Kunde","address":{"postalCode":"10115"}`: "",
	} {
		out := m.Map(Event{Body: []byte(`{"event":"Sale","context":{"traits":{` + traits + `}}}`), Received: now}, now)
		if len(out) != 1 || out[0].Reason != want {
			t.Errorf("%s: %+v, want %q", traits, out, want)
		}
	}
}

// TestNobodysNames: what a till writes where it wants a name makes no event of somebody's
// (no_customer), and what is somebody's name is sent.
func TestNobodysNames(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { Sale: '1' }\n"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for traits, want := range map[string]string{ // fn and ln, or "" for nobody
		`"name":"Gość"`: "", `"name":"Passant"`: "", `"name":"Kunde"`: "", `"name":"Paragon"`: "", `"name":"Hofe GmbH"`: "", `"firstName":"Hofe","lastName":"GmbH"`: "",
		`"firstName":"House","lastName":"Account"`: "", `"name":"House Account"`: "", `"name":"Розничный покупатель"`: "", `"name":"زبون نقدي"`: "", `"firstName":"Gast"`: "",
		`"firstName":"Розничный","lastName":"покупатель"`: "", `"name":"Покупатель"`: "", `"name":"לקוח מזדמן"`: "", `"name":"Πελάτης Λιανικής"`: "", `"name":"客"`: "", `"name":"고객님"`: "",
		`"name":"ลูกค้า"`: "", `"name":"Khách lẻ"`: "", `"name":"Alkalmi vevő"`: "", `"name":"Роздрібний покупець"`: "", `"name":"Cash Account"`: "", `"name":"Client ocazional"`: "",
		`"name":"株式会社山田"`: "", `"name":"Cliente de paso","company":"x"`: "cliente depaso",
		`"name":"Pan/Pani Ada Hofe"`: "ada hofe", `"name":"Herr/Frau Ada Hofe"`: "ada hofe", `"name":"Mr/Mrs Ada Hofe"`: "ada hofe", `"name":"Pan Ada"`: "pan ada",
		`"firstName":"Anna","lastName":"Kunde"`: "anna kunde", `"name":"Anna Gast"`: "anna gast", `"name":"Ana Sá"`: "ana sá", `"name":"Paragon Hofe"`: "paragon hofe",
		`"name":"House Hofe"`: "house hofe", `"name":"Ada"`: "ada ", `"firstName":"Ada","lastName":"Passant"`: "ada passant",
	} {
		o := m.Map(Event{Body: []byte(`{"event":"Sale","messageId":"m","context":{"traits":{` + traits + `,"address":{"city":"Bonn","country":"DE"}}}}`), Received: now}, now)[0]
		if want == "" {
			if o.Reason != ReasonNoCustomer {
				t.Errorf("%s: %s %s %s", traits, o.Kind, o.Reason, o.Conversion)
			}
			continue
		}
		first, last, _ := strings.Cut(want, " ")
		for _, name := range []string{first, last} {
			if name != "" && !strings.Contains(string(o.Conversion), match.SHA256(name)) {
				t.Errorf("%s: no %s in %s (%s)", traits, name, o.Conversion, o.Reason)
			}
		}
	}
}
