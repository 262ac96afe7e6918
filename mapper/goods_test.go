package mapper

import (
	"encoding/json"
	"slices"
	"testing"
)

// contentsOf are the contents of a conversion, as JSON, after it was seen that
// its content_ids are theirs.
func contentsOf(t *testing.T, mapping, properties string) (contents string, o Outcome) {
	t.Helper()
	o = mapOne(t, parseForKeys(t, "default_currency: USD\n"+mapping), `{"event":"E","userId":"u","properties":`+properties+`}`)
	var c struct {
		CustomData struct {
			IDs      []string `json:"content_ids"`
			Contents []map[string]any
		} `json:"custom_data"`
	}
	if err := json.Unmarshal(o.Conversion, &c); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, item := range c.CustomData.Contents {
		ids = append(ids, item["id"].(string))
	}
	if len(ids) > 0 && !slices.Equal(ids, c.CustomData.IDs) {
		t.Errorf("%s: content_ids %q, contents %q", properties, c.CustomData.IDs, ids)
	}
	if len(ids) == 0 {
		ids = c.CustomData.IDs
		raw, _ := json.Marshal(ids)
		return string(raw), o
	}
	raw, _ := json.Marshal(c.CustomData.Contents)
	return string(raw), o
}

// TestQuantities: Meta takes whole quantities above zero; what is weighed is
// one at the price of the line, what was returned is left out.
func TestQuantities(t *testing.T) {
	item := func(members string) string { return `{"products":[{"product_id":"A",` + members + `}]}` }
	left := func(price string) string {
		if price == "" {
			return `[{"id":"A","quantity":1}]`
		}
		return `[{"id":"A","item_price":` + price + `,"quantity":1}]`
	}
	const gone = "null"
	for _, c := range []struct{ members, want, note string }{
		{`"quantity":2,"price":3`, `[{"id":"A","item_price":3,"quantity":2}]`, ""},
		{`"quantity":"2.00","price":"3,50"`, `[{"id":"A","item_price":3.5,"quantity":2}]`, ""},
		{`"quantity":0.55,"price":12.0`, left("6.6"), ""},
		{`"quantity":"0,312","price":25.5`, left("7.956"), ""},
		{`"quantity":"0.55 m","price":12`, left("6.6"), ""},
		{`"quantity":"1,5kg","price":"2,00 €"`, left("3"), ""},
		{`"quantity":"3 Stk.","price":1`, `[{"id":"A","item_price":1,"quantity":3}]`, ""},
		{`"quantity":1.5`, left(""), ""},
		{`"quantity":0.1,"price":0.1`, left("0.01"), ""},
		{`"quantity":2.5e0,"price":2`, left("5"), ""},
		{`"quantity":"٢","price":2`, `[{"id":"A","item_price":2,"quantity":2}]`, ""},
		{`"price":3`, left("3"), ""},
		{`"quantity":null,"price":3`, left("3"), ""},
		{`"quantity":"","price":3`, left("3"), ""},
		{`"quantity":"two","price":3`, left("3"), noteBadQuantity},
		{`"quantity":true,"price":3`, left("3"), noteBadQuantity},
		{`"quantity":"1,234","price":3`, left("3"), noteBadQuantity},
		{`"quantity":1e30,"price":3`, left("3"), noteBadQuantity},
		{`"quantity":0,"price":3`, gone, noteBadQuantity},
		{`"quantity":"0.00","price":3`, gone, noteBadQuantity},
		{`"quantity":-2,"price":0.25`, gone, noteReturned},
		{`"quantity":"-0,5","price":0.25`, gone, noteReturned},
		{`"quantity":1,"price":-0.25`, gone, noteReturned},
		{`"quantity":1,"price":"(0.25)"`, gone, noteReturned},
		{`"quantity":1,"price":"free"`, left(""), noteBadPrice},
	} {
		got, o := contentsOf(t, "", item(c.members))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.members, got, c.want)
		}
		if c.note == "" && len(o.Notes) > 0 || c.note != "" && (len(o.Notes) != 1 || o.Notes[0].Code != c.note) {
			t.Errorf("%s: notes %+v, want %s", c.members, o.Notes, c.note)
		}
	}
}

// TestLists: a list is one however the sender's language wrote it.
func TestLists(t *testing.T) {
	const ac = `[{"id":"A","quantity":1},{"id":"C","quantity":2}]`
	for _, c := range []struct{ mapping, properties, want string }{
		{"", `{"products":[{"product_id":"A"},{"product_id":"C","quantity":2}]}`, ac},
		{"", `{"products":{"0":{"product_id":"A"},"2":{"product_id":"C","quantity":2}}}`, ac},
		{"", `{"products":{"1":{"product_id":"A"},"7":{"product_id":"C","quantity":2}}}`, ac},
		{"", `{"products":"[{\"product_id\":\"A\"},{\"product_id\":\"C\",\"quantity\":2}]"}`, ac},
		{"", `{"products":" {\"0\":{\"product_id\":\"A\"},\"3\":{\"product_id\":\"C\",\"quantity\":2}} "}`, ac},
		{"", `{"products":{"product_id":"A"}}`, `[{"id":"A","quantity":1}]`},
		{"", `{"products":[{"product_id":"A"},null,{"product_id":"C","quantity":2}]}`, ac},
		{"", `{"products":{},"product_id":"A"}`, `["A"]`},
		{"", `{"products":"","product_id":"A"}`, `["A"]`},
		{"", `{"products":"[broken","product_id":"A"}`, `["A"]`},
		{"", `{"products":"none","product_id":"A"}`, `["A"]`},
		{"", `{"products":{"first":{"product_id":"A"}},"product_id":"B"}`, `["B"]`},
		{"", `{"products":{"01":{"product_id":"A"}},"product_id":"B"}`, `["B"]`},
		{"", `{"products":[{"product_id":"\u200bA\ufeff "},{"product_id":"C","quantity":2}]}`, ac},
		{"", `{"product_id":["A",7,null]}`, `["A","7"]`},
		{"", `{"product_id":"[\"A\",\"B\"]"}`, `["A","B"]`},
		{"", `{"product_id":{"0":"A","3":"B"}}`, `["A","B"]`},
		{"", `{"product_id":[{},[]]}`, `null`},
		{"", `{"product_id":"SKU-1, SKU-2"}`, `["SKU-1, SKU-2"]`}, // an id may have a comma
		{"", `{"products":"[Lcom.segment.analytics.Properties$Product;@36db3d6","product_id":"A"}`, `["A"]`},
		{"products: { in: properties.line_items, id: [product_id, id, sku] }\n", `{"line_items":[{"id":"A"},{"sku":"C","quantity":2}]}`, ac},
		{"products: { in: [properties.items, properties.cart.lines], id: variant.sku }\n", `{"cart":{"lines":[{"variant":{"sku":"A"}},{"variant":{"sku":"C"},"quantity":2}]}}`, ac},
		{"products: { id: [product_id, sku] }\n", `{"products":[{"product_id":"","sku":"A"},{"product_id":"C","sku":"x","quantity":2}]}`, ac},
		{"products: { in: 'properties.orders[0].lines' }\n", `{"orders":[{"lines":"[{\"product_id\":\"A\"},{\"product_id\":\"C\",\"quantity\":2}]"}]}`, ac},
	} {
		if got, o := contentsOf(t, c.mapping, c.properties); got != c.want {
			t.Errorf("%s%s: %s, want %s (%+v)", c.mapping, c.properties, got, c.want, o.Notes)
		}
	}
}

// What gave the goods does not go again as a leftover.
func TestGoodsAreConsumed(t *testing.T) {
	for _, properties := range []string{
		`{"line_items":"[{\"sku\":\"A\"}]","color":"red"}`, `{"line_items":{"0":{"sku":"A"},"4":{"sku":"B"}},"color":"red"}`, `{"line_items":[{"sku":"A"}],"color":"red"}`,
	} {
		o := mapOne(t, parseForKeys(t, "products: { in: properties.line_items, id: sku }\n"), `{"event":"E","userId":"u","properties":`+properties+`}`)
		custom := wireOf(t, o)["custom_data"].(map[string]any)
		if custom["color"] != "red" || custom["line_items"] != nil || custom["contents"] == nil {
			t.Errorf("%s: %v", properties, custom)
		}
	}
}

// Lists of a customer's addresses, and paths into lists, read PHP's too.
func TestListsOfKeys(t *testing.T) {
	m := parseForKeys(t, "match_keys: { email: [context.traits.email, \"properties.people[].email\", \"properties.people[1].mail\"] }\n", WithSecret(testSecret))
	for members, want := range map[string]int{
		`"context":{"traits":{"email":["a@example.com","b@example.com"]}}`:                                           2,
		`"context":{"traits":{"email":{"0":"a@example.com","2":"b@example.com"}}}`:                                   2,
		`"context":{"traits":{"email":"[\"a@example.com\",\"b@example.com\"]"}}`:                                     2,
		`"properties":{"people":{"0":{"email":"a@example.com"},"5":{"email":"b@example.com"},"6":{"email":"x"}}}`:    2,
		`"properties":{"people":{"0":{"mail":"a@example.com"},"1":{"mail":"b@example.com"}}}`:                        1,
		`"properties":{"people":[{"mail":"a@example.com"},{"mail":"b@example.com"}]}`:                                1,
		`"context":{"traits":{"email":"[\"a@example.com\""}},"anonymousId":"x","properties":{"people":{"a":{}}}`:     1, // quotes and brackets around one address
		`"properties":{"people":{"0":{"mail":"a@example.com"},"2":{"mail":"b@example.com"}}},"userId":"placeholder"`: 1, // the id
	} {
		if got := peopleOfMapping(t, m, members); got != want {
			t.Errorf("%s: %d people, want %d", members, got, want)
		}
	}
}

func peopleOfMapping(t *testing.T, m *Mapping, members string) int {
	t.Helper()
	return len(mapOne(t, m, `{"event":"E",`+members+`}`).People)
}

func TestSearchString(t *testing.T) {
	for _, c := range []struct{ event, properties, want string }{
		{"Products Searched", `{"query":"blue shoes"}`, `{"search_string":"blue shoes"}`},
		{"Products Searched", `{"query":42}`, `{"search_string":"42"}`},
		{"Products Searched", `{"query":"blue","search_string":"red"}`, `{"query":"blue","search_string":"red"}`},
		{"Products Searched", `{"query":"ada@example.com"}`, `null`},
		{"Products Searched", `{"query":{"q":"blue"}}`, `{"query":{"q":"blue"}}`},
		{"Product Viewed", `{"query":"blue"}`, `{"query":"blue"}`},
	} {
		m, _, err := Parse("m.yaml", []byte("version: 1\nevents: { Products Searched: '701', Product Viewed: '701' }\n"))
		if err != nil {
			t.Fatal(err)
		}
		o := mapOne(t, m, `{"event":"`+c.event+`","userId":"u","properties":`+c.properties+`}`)
		if raw, _ := json.Marshal(wireOf(t, o)["custom_data"]); string(raw) != c.want {
			t.Errorf("%s %s: %s, want %s", c.event, c.properties, raw, c.want)
		}
	}
	m, _, err := Parse("m.yaml", []byte("version: 1\nevents: { Products Searched: '701' }\ncustom_data: { exclude: query }\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := wireOf(t, mapOne(t, m, `{"event":"Products Searched","userId":"u","properties":{"query":"blue"}}`))["custom_data"]; got != nil {
		t.Errorf("an excluded query is sent: %v", got)
	}
}
