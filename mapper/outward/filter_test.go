package outward

import (
	"strings"
	"testing"
	"time"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/people"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// The customer of these tests, as a US shop sends her.
const customer = `"userId":"cust-4711","anonymousId":"5b9c8d2e-till","context":{"traits":{
	"email":"ada@example.com","phone":"(212) 555-0147","firstName":"Ada","lastName":"Lovelace","birthday":"1990-12-10",
	"address":{"street":"12 Rose Lane","city":"Springfield"},"nickname":"Countess of Code","shirt_size":"M"}}`

// begin returns a filter for an event with these members, after Begin, and the event. Like
// package mapper it makes the match keys from the traits.
func begin(t *testing.T, members string) (*Filter, *event.Node) {
	t.Helper()
	tree, err := event.NewDecoder().Decode([]byte("{" + members + "}"))
	if err != nil {
		t.Fatalf("%s: %v", members, err)
	}
	traits := tree.Root.Get("context").Get("traits")
	locale := match.Locale{DefaultCountry: "us", Today: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	var keys match.ValuesByKey
	for k, name := range map[match.Key]string{match.Email: "email", match.Phone: "phone", match.FirstName: "firstName", match.LastName: "lastName", match.ExternalID: "ids"} {
		n := traits.Get(name)
		items := []event.Node{}
		if list, ok := n.Items(); ok {
			items = list
		} else if n != nil {
			items = append(items, *n)
		}
		for i := range items {
			raw, _ := items[i].ScalarText()
			if v := match.Normalise(k, raw, locale, nil); v.Form != "" {
				keys[k] = append(keys[k], match.ValueSum{Value: v, Sum: match.SumOf(k, v)})
			}
		}
	}
	f := New(&NameCache{}, secret)
	f.Begin(&tree.Root, tree.Root.Get("properties"), &keys, locale)
	return &f, &tree.Root
}

// A text in custom_data, whatever its property is called.
func TestCheckText(t *testing.T) {
	f, _ := begin(t, customer)
	for _, c := range []struct{ field, text, want string }{
		{"note", "2 keys cut", ""},
		{"note", "", ""},
		{"note", "receipt 2125550199", ""}, // digits alone are receipts and articles
		{"note", "19.99", ""},

		// Personal data of anyone, in the forms that tills print.
		{"note", "ask bob@example.com", whyEmail},
		{"note", "bob(at)example.com", whyEmail},
		{"url", "https://shop.example/?to=bob%40example.com", whyEmail},
		{"payload", "Ym9iQGV4YW1wbGUuY29t", whyEmail}, // bob@example.com in Base64
		{"note", "call 212-555-0199", whyPhone},
		{"note", "call +49 171 1234567", whyPhone},
		{"iban", "DE89 3704 0044 0532 0130 00", whyAccount},
		{"card", "4242 4242 4242 4242", whyAccount},
		{"terminal", "203.0.113.7", whyIP},

		// Codes and versions that only look like it.
		{"ean", "212-555-0199", ""},
		{"barcode", "+1 212 555 0199", whyPhone},
		{"firmware_version", "1.20.3.4", ""},
		{"iban", "DE89 3704 0044 0532 0130 01", ""}, // wrong check digits

		// Data of this event's customer.
		{"note", "for Ada Lovelace", whyPerson},
		{"note", "LOVELACE, Ada", whyPerson},
		{"note", "Mrs Lovelace waits", whyPerson},
		{"note", "cust-4711", whyPerson},
		{"note", "deliver to 12 Rose Lane", whyPerson},
		{"note", "born Dec 10, 1990", whyPerson},
		{"note", "2125550147", whyPerson},
		{"note", "Countess of Code", whyPerson}, // a trait that is no match key
		{"note", "till 5b9c8d2e-till", whyPerson},
		{"note", "Rose bouquet", ""}, // part of the street is a word
		{"note", "for Ada", ""},      // too short to be hers alone
		{"note", "to Springfield", ""},
		{"note", "size M", ""},

		// A product field that is her name is a brand; a sentence with it is not.
		{"brand", "Lovelace", ""},
		{"product_name", "Lovelace", ""},
		{"brand", "made for Lovelace", whyPerson},
		{"brand", "Ada Lovelace", whyPerson},
	} {
		if got := f.CheckText(c.text, c.field, false); got != c.want {
			t.Errorf("%s: %q: %q, want %q", c.field, c.text, got, c.want)
		}
	}
}

// custom_data.keep lets through what is only probably personal.
func TestCheckTextOfKeptProperty(t *testing.T) {
	f, _ := begin(t, customer)
	for _, c := range []struct{ text, kept, want string }{
		{"Mrs Lovelace waits", "", whyPerson},
		{"203.0.113.7", "", whyIP},
		{"for Ada Lovelace", whyPerson, whyPerson},
		{"bob@example.com", whyEmail, whyEmail},
		{"212-555-0199", whyPhone, whyPhone},
		{"4242 4242 4242 4242", whyAccount, whyAccount},
	} {
		if got := f.CheckText(c.text, "note", true); got != c.kept {
			t.Errorf("kept: %q: %q, want %q", c.text, got, c.kept)
		}
		if got := f.CheckText(c.text, "note", false); got != c.want {
			t.Errorf("not kept: %q: %q, want %q", c.text, got, c.want)
		}
	}
}

// A text that is itself a record is left out if one of its names is personal: the value of such
// a name can be anyone's.
func TestCheckValueOfRecord(t *testing.T) {
	f, _ := begin(t, customer)
	for _, c := range []struct{ text, want string }{
		{`{"first_name":"Bob","n":1}`, whyRecord},
		{`[{"name":"first_name","value":"Bob"}]`, whyRecord},
		{`[["first_name","Bob"]]`, whyRecord},
		{`{"customer":{"name":"Bob"}}`, whyRecord},
		{`{"colour":"red"}`, ""},
		{`{"billing_address1":true}`, ""}, // whether the till asked for it
		{"first_name=Bob&n=1", whyRecord},
		{"https://shop.example/?first_name=Bob&n=1", whyRecord},
		{"Name: Bob\nPhone: 0815", whyRecord},
		{"Phone:\n0815", whyRecord},
		{"Client: Bob Stone; keys: 2", whyRecord},
		{"Telefon：0815", whyRecord},
		{"Phone: n/a", ""},
		{"Phone:", ""},
		{"Keys: 2\nColour: red", ""},
		{"Customer: wants 2 keys", ""},
		{"this long sentence ends with the word phone: why not", ""},
		{"<firstName>Bob</firstName>", whyRecord},
		{`<c:customer c:phone="0815"/>`, whyRecord},
		{`<customer phone="0815"/>`, whyRecord},
		{"<ns:firstName>Bob</ns:firstName>", whyRecord},
		{"<item>Key</item>", ""},
		{"a < b and b > a", ""},
		{"a < b", ""},
	} {
		n := &event.Node{Kind: event.Text, Text: c.text}
		if got := f.CheckValue(n, "note", false); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
		if got := f.CheckValue(n, "note", true); got != "" {
			t.Errorf("kept: %s: %q", c.text, got)
		}
	}
}

// A number is left out if it is the customer's.
func TestCheckValueOfNumber(t *testing.T) {
	f, _ := begin(t, customer+`,"traits":{"customerId":"70004711","mobile":"+49 171 1234567"}`)
	for number, want := range map[string]string{
		"2125550147": whyPerson, "12125550147": whyPerson, "19901210": whyPerson, "70004711": whyPerson, "1711234567": whyPerson,
		"1990": "", "2125550199": "", "4711": "", "47.60": "", "123456": "",
	} {
		n := &event.Node{Kind: event.Number, Text: number}
		if got := f.CheckValue(n, "ref", false); got != want {
			t.Errorf("%s: %q, want %q", number, got, want)
		}
		if got := f.CheckValue(n, "ref", true); got != "" {
			t.Errorf("kept: %s: %q", number, got)
		}
	}
}

// Ids are compared by Meta, so an id stays the same text for the same order. One that reveals a
// person becomes a hash that cannot be guessed.
func TestHashPersonalID(t *testing.T) {
	f, _ := begin(t, customer)
	for _, c := range []struct{ id, why string }{
		{"R-2026-11-20-0815", ""},
		{"2125550199", ""},
		{"cust-4711-3", ""}, // the shop's ids are part of each other
		{"", ""},
		{"bob@example.com-1", whyHashedID},
		{"bob%40example.com", whyHashedID},
		{"+12125550199/1", whyHashedID},
		{"212-555-0199", whyHashedID},
		{"2125550147-1", whyHashedOwnID},
		{"ada.lovelace.3", whyHashedOwnID},
		{"12 Rose Lane", whyHashedOwnID},
		{"10121990-1", whyHashedOwnID},
	} {
		out, why := f.HashPersonalID(c.id)
		want := c.id
		if c.why != "" {
			want = people.KeyedID(secret, c.id)
		}
		if out != want || why != c.why {
			t.Errorf("%q: %q, %q; want %q, %q", c.id, out, why, want, c.why)
		}
	}
}

// ID needs no event: the receipts look an order up by the id that was sent.
func TestID(t *testing.T) {
	for _, c := range []struct {
		id, country string
		hashed      bool
	}{
		{"R-17", "", false},
		{"ada@example.com-o1", "", true},
		{"030/901820", "de", true},
		{"030/901820", "us", false}, // not how a US number is written
		{"2125550147", "us", false},
	} {
		got := ID(secret, c.id, c.country)
		if hashed := got != c.id; hashed != c.hashed || hashed && got != people.KeyedID(secret, c.id) {
			t.Errorf("%s in %q: %s", c.id, c.country, got)
		}
	}
}

// A product id or another unhashed value cannot be replaced by a hash: it is left out.
func TestCheckProductIDAndUnhashed(t *testing.T) {
	f, _ := begin(t, customer)
	for _, c := range []struct{ value, product, unhashed string }{
		{"SKU-4711", "", ""},
		{"212-555-0199", "", whyPhone}, // catalogue numbers are grouped like phone numbers
		{"+1 212 555 0199", whyProductID, whyProductID},
		{"(212) 555-0199", whyProductID, whyProductID},
		{"bob@example.com", whyProductID, whyProductID},
		{"bob&#64;example.com", whyProductID, whyProductID},
		{"engraving-ada-lovelace", whyPerson, whyPerson},
		{"2125550147", whyPerson, whyPerson},
		{"4242 4242 4242 4242", "", whyAccount},
		{"fb.1.1700000000000.AbC", "", ""},
	} {
		if got := f.CheckProductID(c.value); got != c.product {
			t.Errorf("product id %q: %q, want %q", c.value, got, c.product)
		}
		if got := f.CheckUnhashed(c.value); got != c.unhashed {
			t.Errorf("unhashed %q: %q, want %q", c.value, got, c.unhashed)
		}
	}
}

// Begin marks the properties that are personal by name. {} stands for a marked value.
func TestMarks(t *testing.T) {
	for _, c := range []struct{ properties, want string }{
		{`"colour":"red","email":"x","phone":1`, "email phone"},
		{`"first_name":"Bob","firstName":"Bob","Vorname":"Bob","名前":"Bob"`, "first_name firstName Vorname 名前"},
		{`"email_opt_in":true,"billing_address1":false,"phone_model":"X2"`, ""},
		{`"name":"Key","product_name":"Key","customer_name":"Bob"`, "customer_name"},
		{`"customer":{"name":"Bob","size":"M","city":"Springfield"}`, "name city"},
		{`"customer":"Bob Stone","buyer":"retail","cashier":"c7"`, "customer"},
		{`"client":"Bob","client":"web"`, ""}, // the last of equal names
		{`"city":"Springfield","zip":"01101"`, "city zip"},
		{`"store":{"city":"Springfield"}`, ""},
		{`"cap":"20121","cap_size":"M"`, "cap"}, // Italian postcode
		{`"cap":"red"`, ""},                     // headgear
		{`"via":"Via Roma 12"`, "via"},
		{`"via":"web"`, ""},
		{`"stát":"Česko"`, "stát"},
		{`"fields":[{"name":"first_name","value":"Bob"},{"name":"colour","value":"red"}]`, "value"},
		{`"fields":[{"key":"client","value":"Bob"}]`, "value"},
		{`"items":[{"name":"first_name","value":"Bob","price":1}]`, ""}, // a product's name
		{`"fields":[["first_name","Bob"],["colour","red"]]`, "#1"},
		{`"fields":[{"name":7,"value":"Bob"}]`, ""},
		{`"deep":{"er":[{"est":{"phone":"0815"}}]}`, "phone"},
	} {
		_, root := begin(t, `"properties":{`+c.properties+`}`)
		if got := strings.Join(marked(root.Get("properties")), " "); got != c.want {
			t.Errorf("%s: marked %q, want %q", c.properties, got, c.want)
		}
	}
}

// marked returns the names of the marked nodes. #i is the item i of a list.
func marked(n *event.Node) (names []string) {
	for i := range n.Kids {
		kid := &n.Kids[i]
		if kid.Mark&event.MarkPersonal != 0 {
			name := kid.Name
			if name == "" {
				name = "#" + string(rune('0'+i))
			}
			names = append(names, name)
		}
		names = append(names, marked(kid)...)
	}
	return names
}

// A property that the mapping keeps or excludes is not marked. Its value is not collected
// either: it is not known to be the customer's.
func TestMarksOfKeptProperty(t *testing.T) {
	for _, mark := range []event.Mark{event.MarkKeep, event.MarkExclude} {
		f, root := begin(t, `"properties":{"email":"x","customer_name":"Bob Stone","fields":[{"name":"phone","value":"0815"}]}`)
		props := root.Get("properties")
		props.Get("customer_name").Mark = mark
		props.Get("fields").Kids[0].Get("value").Mark = mark
		props.ClearMark(event.MarkPersonal)
		f.Begin(root, props, &match.ValuesByKey{}, match.Locale{})
		if got := strings.Join(marked(props), " "); got != "email" {
			t.Errorf("mark %d: marked %q, want only email", mark, got)
		}
		if why := f.CheckText("Bob Stone waits", "note", false); why != "" {
			t.Errorf("mark %d: the value of a kept property: %q", mark, why)
		}
	}
}

// A name in the properties is searched for in the others, as the traits are.
func TestPropertiesAreCollected(t *testing.T) {
	f, _ := begin(t, `"properties":{"customer_name":"Bob Stone","shipping_street":"3 Elm Street","contact_phone":"9995550111","served_by":"Jordan"}`)
	for text, want := range map[string]string{
		"Bob Stone waits": whyPerson, "3 Elm Street, rear": whyPerson, "9995550111": whyPerson, "by Jordan": whyPerson, "by Kim": "",
	} {
		if got := f.CheckText(text, "note", false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The values of every match key are searched for, except hashes, which contain no data.
func TestMatchKeysAreCollected(t *testing.T) {
	locale := match.Locale{Today: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	add := func(keys *match.ValuesByKey, k match.Key, raw string) {
		v := match.Normalise(k, raw, locale, nil)
		if v.Form == "" {
			t.Fatalf("%s: %s", raw, v.Why)
		}
		keys[k] = append(keys[k], match.ValueSum{Value: v, Sum: match.SumOf(k, v)})
	}
	var keys, hashed match.ValuesByKey
	add(&keys, match.Phone, "+12125550147")
	add(&keys, match.FirstName, "Grace")
	add(&keys, match.LastName, "Hopper")
	add(&keys, match.ExternalID, "Cust-4711")
	add(&keys, match.BirthDate, "1906-12-09")
	add(&keys, match.Madid, "cdda802e-fb9c-47ad-9866-0794d394c912")
	add(&keys, match.City, "Arlington")
	for k, raw := range map[match.Key]string{match.Phone: "12125550147", match.FirstName: "grace", match.LastName: "hopper", match.ExternalID: "Cust-4711", match.BirthDate: "19061209"} {
		add(&hashed, k, match.SHA256(raw))
	}
	for text, want := range map[string]string{
		"Grace Hopper": whyPerson, "Mrs Hopper": whyPerson, "2125550147": whyPerson, "CUST-4711": whyPerson, "9 Dec 1906": whyPerson,
		"CDDA802E-FB9C-47AD-9866-0794D394C912": whyPerson, "from Arlington": "",
		match.SHA256("12125550147"): "",
	} {
		f := New(&NameCache{}, secret)
		f.Begin(&event.Node{Kind: event.Object}, nil, &keys, locale)
		if got := f.CheckText(text, "note", false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		f.Begin(&event.Node{Kind: event.Object}, nil, &hashed, locale)
		if got := f.CheckText(text, "note", false); got != "" {
			t.Errorf("%q with hashed keys: %q", text, got)
		}
	}
}

// A customer from abroad: phone numbers are found as written in her country and in the shop's.
func TestPhonesOfTwoCountries(t *testing.T) {
	f := New(&NameCache{}, secret)
	f.Begin(&event.Node{Kind: event.Object}, nil, &match.ValuesByKey{}, match.Locale{Country: "de", CountryGiven: true, DefaultCountry: "us"})
	for text, want := range map[string]string{"030/901820": whyPhone, "212-555-0199": whyPhone, "01 42 68 53 00": ""} {
		if got := f.CheckText(text, "note", false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The data of one event must not decide about the next one.
func TestForget(t *testing.T) {
	f, _ := begin(t, customer)
	if f.CheckText("for Ada Lovelace", "note", false) == "" || f.Kept() == 0 {
		t.Fatal("the customer is not known")
	}
	f.Forget()
	if why := f.CheckText("for Ada Lovelace", "note", false); why != "" {
		t.Errorf("after Forget: %q", why)
	}
	if _, why := f.HashPersonalID("ada.lovelace.3"); why != "" {
		t.Errorf("an id after Forget: %q", why)
	}
}

// Lists of traits and customers with several names, as CRMs export them.
func TestTraitsOfSeveralPeople(t *testing.T) {
	f, _ := begin(t, `"context":{"traits":{"first_name":["Ada","Grace"],"last_name":["Lovelace","Hopper"],"full_name":"Doe, Jane","phones":["x"],
		"phone_number":["212-555-0147","12"],"address":"7 Oak Avenue","dob":["10.12.1990","sometime"],"billing_line1":"1 Pine Court","company":"Acme Tools","userid":"u-900001"}}`)
	for text, want := range map[string]string{
		"Ada Lovelace": whyPerson, "Grace Hopper": whyPerson, "Jane Doe": whyPerson, "2125550147": whyPerson, "7 Oak Avenue": whyPerson,
		"10/12/1990": whyPerson, "1 Pine Court": whyPerson, "u-900001": whyPerson, "Acme Tools": "",
	} {
		if got := f.CheckText(text, "note", false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Only the depth that can be sent is searched, however deep an event is.
func TestMarksEndAtMaxDepth(t *testing.T) {
	nested := func(depth int) string {
		return `"properties":` + strings.Repeat(`{"a":`, depth) + `{"phone":"x"}` + strings.Repeat("}", depth)
	}
	for depth, want := range map[int]int{1: 1, MaxDepth - 1: 1, MaxDepth: 0, 3 * MaxDepth: 0} {
		_, root := begin(t, nested(depth))
		if got := len(marked(root.Get("properties"))); got != want {
			t.Errorf("depth %d: %d marks, want %d", depth, got, want)
		}
	}
}

// The cache gives the class of the name, in bounded memory, and copies what it keeps.
func TestNameCache(t *testing.T) {
	var c NameCache
	for range 2 {
		if !c.classify("customer_name", true, false).Personal || c.classify("name", true, false).Personal || !c.classify("name", false, true).Personal {
			t.Error("a cached name has another class")
		}
	}
	for i := range 2 * maxNamesKept {
		c.classify("field "+strings.Repeat("x", i%32)+string(rune('a'+i%26))+string(rune(0x4e00+i)), true, false)
	}
	if long := strings.Repeat("n", maxNameKept+1); c.classify(long, true, false).Personal {
		t.Error("a long name is personal")
	}
	if n := len(c.of); n != maxNamesKept {
		t.Errorf("%d names kept, want %d", n, maxNamesKept)
	}
}
