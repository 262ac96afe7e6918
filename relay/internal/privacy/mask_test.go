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

func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"type":"track","userId":"cust-0042","context":{"traits":{"email":"pat@example.com"}},"properties":{"order_id":"o-77","revenue":59.95,"products":[{"name":"Blue mug"}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := Mask(b); !json.Valid(got) {
			t.Errorf("Mask(%q) is not JSON: %q", b, got)
		}
	})
}
