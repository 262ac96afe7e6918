package mapper

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper/match"
	"relay/mapper/people"
)

const adaTraits = `"email":"ada@example.com","phone":"+1 212 555 0147","firstName":"Ada","lastName":"Lovelace","birthday":"1990-12-10",
	"address":{"street":"12 Rose Lane","city":"Springfield","country":"US"}`

// sentOf maps a sale with these properties and returns its outcome and conversion.
func sentOf(t *testing.T, mapping, messageID, traits, properties string, opts ...ParseOption) (Outcome, map[string]any) {
	t.Helper()
	if mapping == "" {
		mapping = "version: 1\nevents: { Sale: \"701000000000001\" }\n"
	}
	m, _, err := Parse("mapping.yaml", []byte(mapping), opts...)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	body := fmt.Sprintf(`{"event":"Sale","messageId":%q,"userId":"cust-4711","context":{"traits":{%s}},"properties":{%s}}`, messageID, traits, properties)
	out := m.Map(Event{Body: []byte(body), Received: now}, now)
	if len(out) != 1 || out[0].Kind != Send {
		t.Fatalf("%+v", out)
	}
	var c map[string]any
	if err := json.Unmarshal(out[0].Conversion, &c); err != nil {
		t.Fatal(err)
	}
	return out[0], c
}

// A text that repeats the value of a match key is left out. The rule depends on the form of the
// key, not on its name.
func TestKeysAreFoundInTexts(t *testing.T) {
	const mayLeave = "" // a word or a number like others
	values := map[meta.Form]string{
		meta.Email: "ada@example.com", meta.Phone: "+12125550147", meta.Name: "Lovelace", meta.OwnID: "club-0815-4711", meta.Date: "1990-12-10",
		meta.DeviceID: "cdda802e-fb9c-47ad-9866-0794d394c912",
		meta.Gender:   mayLeave, meta.City: mayLeave, meta.State2: mayLeave, meta.Zip: mayLeave, meta.Country: mayLeave, meta.LeadID: mayLeave,
	}
	for k := range match.Table {
		key := &match.Table[k]
		value, decided := values[key.Form]
		if !decided {
			t.Errorf("%s: no value of its form in this test; decide whether a text that repeats one may leave (gatherKeys)", key.Name)
		}
		if value == mayLeave {
			continue
		}
		mapping := "version: 1\nevents: { Sale: \"701000000000001\" }\nmatch_keys: { " + key.Name + ": context.traits.own }\n"
		_, c := sentOf(t, mapping, "m", `"own":"`+value+`"`, `"note":"it is `+value+` again","other":"2 keys cut"`)
		custom, _ := c["custom_data"].(map[string]any)
		if _, left := custom["note"]; left || custom["other"] == nil {
			t.Errorf("%s: %v leaves, though %s is the customer's (gatherKeys)", key.Name, custom, value)
		}
	}
}

// TestTextsWithPersonalDataStay checks the rules about values, which apply under any property name.
func TestTextsWithPersonalDataStay(t *testing.T) {
	for _, x := range []struct {
		property string
		leaves   bool
	}{
		{`"note":"2 keys cut"`, true},
		{`"brand":"Jordan"`, true},
		{`"colour":"Rose"`, true},
		{`"brand":"Lovelace"`, true}, // a product field that is the word
		{`"note":"Rose bouquet"`, true},
		{`"note":"ask ada@example.com"`, false},
		{`"note":"call +1 212 555 0199"`, false},
		{`"note":"call 212-555-0199"`, false},
		{`"note":"call 2125550199"`, true},
		{`"note":"2125550147 is hers"`, false},
		{`"browser_ip":"203.0.113.7"`, false},
		{`"x":"from 2001:db8:0:1::7"`, false},
		{`"firmware_version":"1.20.3.4"`, true},
		{`"memo":"DE89 3704 0044 0532 0130 00"`, false},
		{`"memo":"card 4242 4242 4242 4242"`, false},
		{`"ref":2125550147`, false},
		{`"ean":"212-555-0199"`, true},
		{`"note":"Visit of Ada Lovelace"`, false},
		{`"note":"ADA LOVELACE"`, false},
		{`"note":"Lovelace, A."`, false},
		{`"salute":"Lovelace"`, false},
		{`"note":"for Ada"`, true}, // three letters are a word like others
		{`"note":"leave at 12 Rose Lane"`, false},
		{`"note":"born 10/12/1990"`, false},
		{`"ref":"cust-4711"`, false},
		{`"ref":"receipt for CUST 4711"`, false},
		{`"tags":["vip","for Ada Lovelace"]`, false},
		{`"deep":{"er":[{"text":"Ada Lovelace"}]}`, false},
		{`"by":{"Ada Lovelace":2}`, false},
		{`"by":{"+12125550199":2}`, false},
		{`"json":"{\"who\":\"Ada Lovelace\"}"`, false},
		{`"customer_name":"Bob Stone","note":"Bob Stone waits"`, false},
		{`"customer":"Bob Stone"`, false},
		{`"customer":"retail"`, true},
		{`"client":"Bob"`, false},
		{`"client":"bob"`, false},
		{`"client":"web"`, true},
		{`"client":"guest"`, true},
		{`"buyer":"B2B"`, true},
		{`"sold_by":"weight"`, true},
		{`"driver_license_no":"ZQ123456"`, false},
		{`"Versichertennummer":"Z123456780"`, false},
		{`"担当":"Bob"`, false},
		{`"pet_owner":"Bob"`, false},
		{`"pet_name":"Rex"`, true},
		{`"müşteri":"Bob"`, false},
		{`"lekarz":"Stone"`, false},
		{`"cashier":"Jordan","brand":"Jordan"`, false},
		{`"cashier":"c7"`, true},
		{`"seller_name":"Bob"`, false},
		{`"recipe_for":"Bob"`, false},
		{`"served_by":"Bob"`, false},
		{`"고객":"Bob"`, false},
		{`"العميل":"Bob"`, false},
		{`"πελάτης":"Bob"`, false},
		{`"Покупатель":"Bob"`, false},
		{`"לקוח":"Bob"`, false},
		{`"ลูกค้า":"Bob"`, false},
		{`"khách hàng":"Bob"`, false},
		{`"ім'я клієнта":"Bob"`, false},
		{`"nume client":"Bob"`, false},
		{`"vevő neve":"Bob"`, false},
		{`"note":"Client: Bob Stone"`, false},
		{`"note":"Customer: wants 2 keys cut"`, true},
		{`"client_version":"2.1"`, true},
		{`"seller_sku":"Rose"`, true},
		{`"전환율":"Rose gold"`, true},
		{`"payload":"{\"first_name\":\"Bob\",\"x\":1}"`, false},
		{`"payload":"[{\"key\":\"first_name\",\"value\":\"Bob\"}]"`, false},
		{`"payload":"{\"colour\":\"red\"}"`, true},
		{`"query":"first_name=Bob&x=1"`, false},
		{`"query":"page=2&sort=price"`, true},
		{`"note":"bob&#64;example.com"`, false},
		{`"note":"bob&#x40;example.com"`, false},
		{`"note":"bob&commat;example.com"`, false},
		{`"note":"bob%252540example.com"`, false},
		{`"note":"bob\\u0040example.com"`, false},
		{`"note":"bob @ example.com"`, false},
		{`"note":"bob (at) example.com"`, false},
		{`"note":"bob[at]example.com"`, false},
		{`"note":"%2B12125550199"`, false},
		{`"note":"Ada%20Lovelace"`, false},
		{`"note":"2 keys @ 3.50"`, true},
		{`"note":"3 @ Main (left) 5.0"`, true},
		{`"note":"50% off \\u"`, true},
		{`"note":"born 1990-12-10T00:00:00Z"`, false},
		{`"note":"Dec 10, 1990"`, false},
		{`"note":"10th of December 1990"`, false},
		{`"note":"10. Dezember 1990, Torte"`, false},
		{`"note":"12/10/90"`, false},
		{`"note":"10.12.90"`, false},
		{`"note":"1990/12/10 00:00"`, false},
		{`"note":"Dec 11, 1990"`, true},
		{`"note":"12/10/91"`, true},
		{`"note":"12 keys, 10 locks, 90 screws"`, true},
		{`"note":"size 10 12 90"`, true},
		{`"payload":"<customer><firstName>Bob</firstName></customer>"`, false},
		{`"payload":"<c:Nachname lang='de'>Stone</c:Nachname>"`, false},
		{`"payload":"<buyer phone='x' />"`, false},
		{`"payload":"<sku>12</sku><firstName></firstName>"`, true},
		{`"note":"a < b and c > d"`, true},
		{`"note":"first_name: Bob"`, false},
		{`"note":"till 3\nVorname: Bob\nFarbe: rot"`, false},
		{`"note":"Farbe: rot; street = 5 Main St"`, false},
		{`"note":"Gift wrap\nPhone: 555 0199\nred"`, false},
		{`"note":"Gift wrap\nAddress:\n5 Main St, Shelbyville"`, false},
		{`"note":"Address：5 Main St"`, false},
		{`"note":"電話：5550199"`, false},
		{`"note":"Phone:\n\n555 0199"`, false},
		{`"note":"Phone: none\nAddress: n/a\nColour: red"`, true},
		{`"note":"Phone: -"`, true},
		{`"note":"Phone:\nColour: red"`, true},
		{`"note":"Size: M, Gender: Women, Colour: red"`, true},
		{`"note":"Name: Oak table"`, true},
		{`"wine":"Lovelace"`, true},
		{`"team":"Lovelace"`, true},
		{`"team":"for Lovelace"`, false},
		{`"street_date":"2026-11-27"`, true},
		{`"phones_sold":3`, true},
		{`"email_source":"till"`, true},
		{`"hometown":"Shelbyville"`, true},
		{`"customer_phone":"3"`, false},
		{`"via":"Via Roma 5"`, false},
		{`"via":"till"`, true},
		{`"cap":"00100"`, false},
		{`"cap":"red"`, true},
		{`"stát":"Česko"`, false},
		{`"stat":"good"`, true},
		{`"note":"bob%2540example.com"`, false},
		{`"Kunde":"Stone"`, false},
		{`"bill_to":"Bob Stone, 5 Main St"`, false},
		{`"customer":{"first":"Bob","last":"Stone"}`, false},
		{`"shipTo":{"line1":"12 Rose Lane"}`, false},
		{`"first":true`, true},
		{`"customer":{"name":"Bob","tier":"gold"}`, false},
		{`"shipping":{"city":"Springfield"}`, false},
		{`"shipping":{"method":"till"}`, true},
		{`"email_opt_in":true`, true},
		{`"kundenTelefon":"555"`, false},
		{`"city":"Springfield"`, false},
		{`"store":{"city":"Springfield"}`, true},
	} {
		o, c := sentOf(t, "", "m-1", adaTraits, x.property)
		custom, _ := json.Marshal(c["custom_data"])
		noted := false
		for _, n := range o.Notes {
			noted = noted || n.Code == NotePersonal
		}
		var want map[string]any
		_ = json.Unmarshal([]byte("{"+x.property+"}"), &want)
		full, _ := json.Marshal(want)
		if left := string(custom) == string(full); left != x.leaves || noted == x.leaves {
			t.Errorf("%s: leaves as %s, noted %t", x.property, custom, noted)
		}
		if !x.leaves {
			for _, s := range []string{"bob", "ada@", "0199", "0147", "Lovelace", "LOVELACE", "Rose Lane", "1990", "4711", "Stone", "Bob", "Springfield", "555"} {
				if strings.Contains(string(custom), s) {
					t.Errorf("%s: %s leaves", x.property, s)
				}
			}
		}
	}
}

// TestPairsAreProperties: a name and its value in an object or a list.
func TestPairsAreProperties(t *testing.T) {
	for property, want := range map[string]string{
		`"note_attributes":[{"name":"first_name","value":"Bob"},{"name":"phone","value":"4155552671"},{"name":"gift wrap","value":"red"}]`: `{"note_attributes":[{"name":"first_name"},{"name":"phone"},{"name":"gift wrap","value":"red"}]}`,
		`"meta_data":[{"id":1,"key":"_billing_first_name","value":"Bob"}]`:                                                                 `{"meta_data":[{"id":1,"key":"_billing_first_name"}]}`,
		`"pairs":[["first_name","Bob"],["colour","red"]]`:                                                                                  `{"pairs":[["first_name"],["colour","red"]]}`,
		`"lines":[{"name":"Phone","value":599,"quantity":1}]`:                                                                              `{"lines":[{"name":"Phone","value":599,"quantity":1}]}`,
		`"tags":["phone","red"]`: `{"tags":["phone","red"]}`,
	} {
		_, c := sentOf(t, "", "m-1", adaTraits, property)
		var full any
		_ = json.Unmarshal([]byte(want), &full)
		got, _ := json.Marshal(c["custom_data"])
		if wanted, _ := json.Marshal(full); string(got) != string(wanted) {
			t.Errorf("%s: %s", property, got)
		}
	}
}

// TestTraitsAreFoundAgain checks that traits are found in texts, under any name and in any spelling.
func TestTraitsAreFoundAgain(t *testing.T) {
	for _, x := range []struct{ traits, property string }{
		{`"phone":"415 555 2671"`, `"memo":"4155552671"`},
		{`"phone":"079 123 4567 8"`, `"memo":"079 123 4567 8"`},
		{`"x":1`, `"phone":"+1 415 555 2671","memo":"14155552671"`},
		{`"birthday":"10.12.1985"`, `"memo":"10.12.1985"`},
		{`"name":"王小明"`, `"memo":"给王小明的礼物"`},
		{`"name":"林 修"`, `"memo":"林 修"`},
		{`"firstName":"明","lastName":"王"`, `"memo":"王明"`},
		{`"customerName":"Bob Stone"`, `"memo":"for Bob Stone"`},
		{`"strasse":"Rose Lane 5"`, `"memo":"Rose Lane 5"`},
		{`"adresse":"Rose Lane 5"`, `"memo":"Rose Lane 5"`},
	} {
		if _, c := sentOf(t, "", "m-1", x.traits, x.property); c["custom_data"] != nil {
			t.Errorf("%s: %s leaves", x.traits, x.property)
		}
	}
}

// TestPhonesOfTheShopsCountry checks that they are found even if the customer is from abroad.
func TestPhonesOfTheShopsCountry(t *testing.T) {
	mapping := "version: 1\ndefault_country: US\nevents: { Sale: \"701000000000001\" }\n"
	if _, c := sentOf(t, mapping, "m-1", `"address":{"country":"GB"}`, `"memo":"call (212) 555-0199"`); c["custom_data"] != nil {
		t.Errorf("leaves: %v", c["custom_data"])
	}
}

// TestKeepLetsThrough: the mapping's word counts for more than a name, but an
// address and what is surely the customer's stay.
func TestKeepLetsThrough(t *testing.T) {
	mapping := "version: 1\nevents: { Sale: \"701000000000001\" }\ncustom_data: { keep: [city, store_phone, note, title] }\n"
	for property, leaves := range map[string]bool{
		`"city":"Springfield"`: true, `"store_phone":"+1 212 555 0188"`: false, `"store_phone":"2125550188"`: true, `"title":"The Lovelace Letters"`: true,
		`"note":"ada@example.com"`: false, `"note":"+1 212 555 0147"`: false, `"note":"Ada Lovelace"`: false,
	} {
		_, c := sentOf(t, mapping, "m-1", adaTraits, property)
		if got := c["custom_data"] != nil; got != leaves {
			t.Errorf("%s: leaves %t", property, got)
		}
	}
}

// TestOneWordNamesAreWordsOfProducts: who serves is left out, and what is called like them
// stays.
func TestOneWordNamesAreWordsOfProducts(t *testing.T) {
	_, c := sentOf(t, "", "m-1", adaTraits, `"cashier":"Jordan","brand":"Jordan","note":"for Jordan"`)
	custom, _ := json.Marshal(c["custom_data"])
	if string(custom) != `{"brand":"Jordan"}` {
		t.Errorf("%s leaves", custom)
	}
}

// TestSetOfPersonalSources: custom_data.set is refused a source that is personal by its
// name, unless keep names it.
func TestSetOfPersonalSources(t *testing.T) {
	for source, wrong := range map[string]bool{
		"properties.first_name": true, "context.ip": true, "properties.iban": true, "properties.customer.name": true, "context.traits.lastName": false,
		"context.traits.mobile": true, "properties.buyer.address": true, `properties["Vor-Name"]`: true, "properties.products[].recipient": true,
		"properties.register.number": false, "properties.products[].name": false, "properties.store.city": false, "context.traits.tier": false,
		"context.device.name": false, "context.traits.email": false, // a source of a key: warned about
	} {
		_, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { Sale: '1' }\ncustom_data: { set: { z: '"+source+"' } }\n"))
		if (err != nil) != wrong || err != nil && !strings.Contains(err.Error(), "is personal data") {
			t.Errorf("%s: %v", source, err)
		}
	}
	const kept = "version: 1\nevents: { Sale: '701000000000001' }\ncustom_data: { keep: [first_name], set: { z: properties.first_name } }\n"
	if _, c := sentOf(t, kept, "m-1", "", `"first_name":"Rosewood"`); c["custom_data"].(map[string]any)["z"] != "Rosewood" {
		t.Errorf("%v", c)
	}
}

// TestPersonalIDsLeaveHashed: with the installation's secret, the same for each
// attempt, and only where they hold an address or a number written as a phone's.
func TestPersonalIDsLeaveHashed(t *testing.T) {
	secret := []byte("an installation's secret of 32 b")
	hashed := func(s any) bool {
		text, _ := s.(string)
		return len(text) == 64 && strings.Trim(text, "0123456789abcdef") == ""
	}
	for _, x := range []struct {
		id   string
		hash bool
	}{
		{"ada@example.com-o1", true},
		{"+1 212 555 0147", true},
		{"+12125550147", true},
		{"212-555-0147", true},
		{"0044 20 7946 0958", true},
		{"2125550147", true}, // hers
		{"2125550199", false},
		{"Ada Lovelace", true},
		{"lovelace_ada/7", true},
		{"12 Rose Lane", true},
		{"Lovelace-7", false},
		{"cust-4711-0001", false}, // the customer's id may be part of an order's
		{"till3-100423", false},
		{"2026-11-20/7", false},
		{"1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11", false},
		{"m-1", false},
	} {
		o, c := sentOf(t, "", x.id, adaTraits, fmt.Sprintf(`"order_id":%q,"item_number":%q`, x.id, x.id), WithSecret(secret))
		custom, _ := c["custom_data"].(map[string]any)
		for field, got := range map[string]any{"event_id": c["event_id"], "order_id": custom["order_id"], "item_number": custom["item_number"]} {
			if hashed(got) != x.hash || !x.hash && got != x.id || x.hash && got != people.KeyedID(secret, x.id) {
				t.Errorf("%s: %s is %v", x.id, field, got)
			}
		}
		if o.MessageID != x.id {
			t.Errorf("%s: the queue's own id is %s", x.id, o.MessageID)
		}
		again, _ := sentOf(t, "", x.id, adaTraits, fmt.Sprintf(`"order_id":%q,"item_number":%q`, x.id, x.id), WithSecret(secret))
		if string(again.Conversion) != string(o.Conversion) {
			t.Errorf("%s: another attempt has other bytes", x.id)
		}
		if other, _ := sentOf(t, "", x.id, adaTraits, "", WithSecret([]byte("another"))); x.hash && strings.Contains(string(other.Conversion), fmt.Sprint(c["event_id"])) {
			t.Errorf("%s: another installation has the same hash", x.id)
		}
	}
}

// TestPersonalGoodsAndStoresStay: an id of a product or a code of a store that is
// somebody's stays back wherever it would go, with a note.
func TestPersonalGoodsAndStoresStay(t *testing.T) {
	const mapping = `version: 1
events: { Sale: "701000000000001" }
store: { code: properties.shop }
upload_tag: "{store}-{date}"
`
	for id, leaves := range map[string]bool{
		"sku-1": true, "212-555-0199": true, "0012125550199": true, "Rose": true, "cust-4711": true,
		"+12125550199": false, "(212) 555-0199": false, "0044 20 7946 0958": false, "ada@example.com": false, "Ada Lovelace": false, "2125550147": false,
	} {
		for property, lists := range map[string]bool{`"products":[{"product_id":%q,"quantity":1,"price":2}]`: true, `"product_id":%q`: false} {
			o, c := sentOf(t, mapping, "m-1", adaTraits, fmt.Sprintf(property, id))
			custom, _ := c["custom_data"].(map[string]any)
			if (custom["content_ids"] != nil) != leaves || lists && (custom["contents"] != nil) != leaves {
				t.Errorf("%s in %s: %v", id, property, custom)
			}
			if text, _ := json.Marshal(c); !leaves && (strings.Contains(string(text), id) || len(o.Notes) == 0) {
				t.Errorf("%s in %s leaves: %s", id, property, text)
			}
		}
	}
	for code, leaves := range map[string]bool{
		"Store 12": true, "Rose": true, "(212) 555-0199": false, "212-555-0199": false, "+12125550199": false, "Ada Lovelace": false,
	} {
		o, c := sentOf(t, mapping, "m-1", adaTraits, fmt.Sprintf(`"shop":%q`, code))
		text, _ := json.Marshal(c)
		if got := c["store_data"] != nil; got != leaves || !leaves && strings.Contains(string(text)+o.UploadTag, code) {
			t.Errorf("%s: %s, tag %s", code, text, o.UploadTag)
		}
	}
	for field := range strings.FieldsSeq("sku SKU barcode ean gtin upc isbn mpn serial serial_number imei productId") {
		for text, leaves := range map[string]bool{"+12125550199": false, "(212) 555-0199": false, "212-555-0199": true} {
			if _, c := sentOf(t, "", "m-1", adaTraits, fmt.Sprintf("%q:%q", field, text)); (c["custom_data"] != nil) != leaves {
				t.Errorf("%s %s: %v", field, text, c["custom_data"])
			}
		}
	}
}

// TestExternIDHashed: the offline format has the customer's own id plain, unless
// it is an address, a phone number or the name.
func TestExternIDHashed(t *testing.T) {
	secret := []byte("an installation's secret of 32 b")
	for id, plain := range map[string]bool{"cust-4711": true, "ada@example.com": false, "+12125550147": false, "2125550147": false, "Ada Lovelace": false} {
		m, _, err := Parse("mapping.yaml", []byte("version: 1\napi: offline\nevents: { Sale: \"701000000000001\" }\n"), WithSecret(secret))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		body := fmt.Sprintf(`{"event":"Sale","messageId":"m-1","userId":%q,"context":{"traits":{%s}},"properties":{"revenue":1,"currency":"USD"}}`, id, adaTraits)
		out := m.Map(Event{Body: []byte(body), Received: now}, now)
		var c struct {
			Keys map[string]any `json:"match_keys"`
		}
		if err := json.Unmarshal(out[0].Conversion, &c); err != nil {
			t.Fatalf("%v: %+v", err, out)
		}
		want, noted := id, false
		if !plain {
			want = people.KeyedID(secret, id)
		}
		for _, n := range out[0].Notes {
			noted = noted || n.Code == noteHashedID
		}
		if c.Keys["extern_id"] != want || noted == plain {
			t.Errorf("%s: extern_id %v, noted %t", id, c.Keys["extern_id"], noted)
		}
	}
}

// TestNamesOfBeforeStayPersonal: what was dropped by the list of the first
// edition is by words.
func TestNamesOfBeforeStayPersonal(t *testing.T) {
	for name := range strings.FieldsSeq(`
		email mail phone mobile telephone firstName lastName fullName customerName birthday birthdate dateOfBirth dob
		gender address street address1 address2 ip ipAddress emailAddress customerEmail userEmail contactEmail billingEmail shippingEmail emails
		phoneNumber mobilePhone mobileNumber telephoneNumber cellphone cellphoneNumber homePhone workPhone customerPhone userPhone contactPhone
		billingPhone shippingPhone phones surname familyName givenName middleName maidenName customerFirstName customerLastName cardholder
		cardholderName nameOnCard streetAddress addressLine addressLine1 addressLine2 addressLine3 address3 billingAddress shippingAddress
		deliveryAddress homeAddress customerAddress houseNumber addresses streetName street1 street2 customerGender customerBirthday customerDob
		yearOfBirth birthYear clientIp clientIpAddress userIp customerIp remoteIp remoteAddr`) {
		for _, name := range []string{name, strings.ToLower(name), strings.ToUpper(name)} {
			if _, c := sentOf(t, "", "m-1", adaTraits, fmt.Sprintf(`"x":{%q:"y"}`, name)); c["custom_data"] != nil {
				t.Errorf("%s leaves", name)
			}
		}
	}
}
