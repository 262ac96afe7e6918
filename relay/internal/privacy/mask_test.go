package privacy

import (
	"bytes"
	"encoding/json"
	"testing"
)

// No value outside the lists is shown, whatever the structure of the event.
func TestMaskShowsOnlyTheList(t *testing.T) {
	const secret = "Zebediah77"
	for _, body := range []string{
		`{"traits":{"name":"Zebediah77"}}`, `{"context":{"traits":{"address":{"city":"Zebediah77"}}}}`,
		`{"properties":{"customer":{"name":"Zebediah77","order_id":"Zebediah77"}}}`, `{"properties":{"email":"Zebediah77"}}`,
		`{"properties":{"products":[{"engraving":"Zebediah77"}]}}`, `["Zebediah77"]`, `"Zebediah77"`, `{"x":[["Zebediah77"]]}`,
		`{"integrations":{"Facebook Offline Conversions":{"leadId":"Zebediah77"}}}`, `{"properties":{"name":"Zebediah77@example.com"}}`,
		`{"Zebediah77":1,"properties":{"Zebediah77":1,"affiliation":"Zebediah77","coupon":"Zebediah77","order_id":"Zebediah77","name":"Zebediah77 mug"}}`,
		`{"messageId":"Zebediah77","event":"Visit of Zebediah77","context":{"consent":{"who":"Zebediah77"},"Zebediah77":[{"Zebediah77":2}]}}`,
		`{"properties":{"products":[{"Zebediah77":1,"product_id":"Zebediah77","brand":"Zebediah77"}],"payment_method":"Zebediah77"}}`,
		`{"Zebediah77@example.com":1}`, `{"traits":{"event":"Zebediah77","type":"Zebediah77"}}`, `{"userId":"Zebediah77"}`, `not json Zebediah77`,
		`{"context":{"library":{"name":{"x":"Zebediah77"}}}}`, `{"properties":{"currency":{"order_id":"Zebediah77"}}}`,
	} {
		if got := Mask([]byte(body)); bytes.Contains(got, []byte(secret)) || bytes.Contains(got, []byte("77")) || !json.Valid(got) {
			t.Errorf("Mask(%s) shows a value outside the lists: %s", body, got)
		}
	}
}

// Listed values are shown unchanged, everything else by its shape.
func TestMask(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"type":"track","event":"Order Completed","timestamp":"2026-11-20T18:30:00Z"}`, `{"event":"Order Completed","timestamp":"2026-11-20T18:30:00Z","type":"track"}`},
		{`{"context":{"traits":{"email":"Pat.Example@example.com","phone":"+1 (555) 010-0199"}}}`, `{"context":{"traits":{"email":"Aaa.Aaaaaaa@aaaaaaa.aaa","phone":"+9 (999) 999-9999"}}}`},
		{`{"properties":{"revenue":59.95,"currency":"EUR","total":"1.234,50 EUR","quantity":2}}`, `{"properties":{"currency":"EUR","quantity":2,"revenue":59.95,"total":"1.234,50 EUR"}}`},
		{`{"properties":{"products":[{"product_id":"77","price":19.99,"quantity":2,"name":"Zed"}]}}`, `{"properties":{"products":[{"name":"Aaa","price":19.99,"product_id":"77","quantity":2}]}}`},
		{`{"context":{"library":{"name":"analytics.js","version":"2.11.1"}}}`, `{"context":{"library":{"name":"analytics.js","version":"2.11.1"}}}`},
		{`{"integrations":{"All":true,"Meta":false},"a":null}`, `{"a":null,"integrations":{"All":true,"Meta":false}}`},
		{`{"userId":4242,"properties":{"weight":42}}`, `{"properties":{"weight":"99"},"userId":"9999"}`},
		{`not JSON`, `"(not JSON: not shown)"`},
		{``, `"(not JSON: not shown)"`},

		// A number or text that is no amount, under a key for amounts or for words.
		{`{"properties":{"payment_method":4111111111111111}}`, `{"properties":{"payment_method":"9999999999999999"}}`},
		{`{"properties":{"shipping_method":5550100199}}`, `{"properties":{"shipping_method":"9999999999"}}`},
		{`{"type":5550100199,"channel":5550100199}`, `{"channel":"9999999999","type":"9999999999"}`},
		{`{"properties":{"revenue":"+1 (555) 010-0199"}}`, `{"properties":{"revenue":"+9 (999) 999-9999"}}`},
		{`{"properties":{"price":"4111 1111 1111 1111"}}`, `{"properties":{"price":"9999 9999 9999 9999"}}`},
		{`{"properties":{"quantity":4111111111111111}}`, `{"properties":{"quantity":"9999999999999999"}}`},
		{`{"properties":{"revenue":"pat@example.com"}}`, `{"properties":{"revenue":"aaa@aaaaaaa.aaa"}}`},
		{`{"properties":{"currency":"Pat Example"}}`, `{"properties":{"currency":"Aaa Aaaaaaa"}}`},

		{`{"properties":{"payment_method":"4111 1111 1111 1111"}}`, `{"properties":{"payment_method":"9999 9999 9999 9999"}}`},
		{`{"properties":{"revenue":59.949999999999996,"total":1e3,"tax":-2.5,"discount":"12,-","value":"1.250.000.000"}}`, `{"properties":{"discount":"12,-","revenue":59.949999999999996,"tax":-2.5,"total":1e3,"value":"1.250.000.000"}}`},
		{`{"timestamp":1763663400000,"sentAt":"2026-11-20T18:30:00.123Z","version":2}`, `{"sentAt":"2026-11-20T18:30:00.123Z","timestamp":1763663400000,"version":2}`},

		// The lists apply only where the spec has these objects.
		{`{"traits":{"products":[{"price":5}]},"properties":{"order":{"price":5}}}`, `{"properties":{"order":{"price":"9"}},"traits":{"products":[{"price":"9"}]}}`},
	} {
		if got := string(Mask([]byte(c.body))); got != c.want {
			t.Errorf("Mask(%s)\n got %s\nwant %s", c.body, got, c.want)
		}
	}
}

func TestShowEvent(t *testing.T) {
	for _, c := range []struct {
		name   string
		mapped bool
		want   string
	}{
		{"Order Completed", false, "Order Completed"},
		{"Zebediah Visit 7", true, "Zebediah Visit 7"},
		{"Zebediah Visit 7", false, "Aaaaaaaa Aaaaa 9"},
		{"Sale to zed@example.com", true, "Aaaa aa aaa@aaaaaaa.aaa"},
	} {
		if got := ShowEvent(c.name, c.mapped); got != c.want {
			t.Errorf("ShowEvent(%q, %t) = %q, want %q", c.name, c.mapped, got, c.want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"type":"track","userId":"cust-0042","context":{"traits":{"email":"pat@example.com"}},"properties":{"order_id":"o-77","revenue":59.95,"products":[{"name":"Blue mug"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := Mask(b); !json.Valid(got) {
			t.Errorf("Mask(%q) is not JSON: %q", b, got)
		}
	})
}
