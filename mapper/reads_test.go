package mapper

import (
	"slices"
	"testing"
)

// An event has a field of the customer or of consent even if it is blank; fields that the mapping
// does not read do not count.
func TestHasField(t *testing.T) {
	plain := "version: 1\nevents: { E: \"1\" }\nconsent: advertising\n"
	own := plain + "match_keys:\n  email: [properties.mail, 'properties.guests[].mail']\n  phone:\n    expr: properties.tel ?? nil\n  external_id: []\n  country:\n    const: US\n  fbp: [properties.fbp]\n"
	for _, c := range []struct {
		mapping, members  string
		customer, consent bool
	}{
		{plain, `"properties":{"Kunde":"kim@example.com"}`, false, false},
		{plain, `"userId":null`, true, false},
		{plain, `"userId":""`, true, false},
		{plain, `"context":{"traits":{"email":" "}}`, true, false},
		{plain, `"context":{"traits":{"E-Mail":""}}`, true, false},
		{plain, `"context":{"traits":{"address":{"zip":null}}}`, true, false},
		{plain, `"traits":{"phone":""}`, true, false},
		{plain, `"context":{"traits":{"address":"{\"city\":\"\"}"}}`, true, false},
		{plain, `"context":{"traits":{}}`, false, false},
		{plain, `"context":{"consent":{"categoryPreferences":{"advertising":""}}}`, false, true},
		{plain, `"context":{"consent":{"categoryPreferences":{"analytics":true}}}`, false, false},
		{own, `"userId":"C-1"`, false, false},
		{own, `"context":{"traits":{"email":"kim@example.com"}}`, false, false},
		{own, `"properties":{"mail":null}`, true, false},
		{own, `"properties":{"guests":[{"mail":""}]}`, true, false},
		{own, `"properties":{"tel":""}`, true, false},
		{own, `"properties":{"fbp":""}`, true, false},
	} {
		m, _, err := Parse("m.yaml", []byte(c.mapping))
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"event":"E",` + c.members + `}`)
		if customer, consent := m.HasCustomerField(body), m.HasConsentField(body); customer != c.customer || consent != c.consent {
			t.Errorf("%s: customer %v, consent %v", body, customer, consent)
		}
	}
	m, _, err := Parse("m.yaml", []byte(own))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.CustomerFields(); got[0] != "properties.mail" || !slices.Contains(got, "expr") || !slices.Contains(got, "properties.fbp") || slices.Contains(got, "userId") || slices.Contains(got, "constant") {
		t.Errorf("%q", got)
	}
	if got := m.ConsentFields(); !slices.Equal(got, []string{"context.consent.categoryPreferences.advertising"}) {
		t.Errorf("%q", got)
	}
	if m.HasCustomerField([]byte("no JSON")) || m.HasConsentField([]byte("no JSON")) {
		t.Error("a text that is not an event has fields")
	}
}
