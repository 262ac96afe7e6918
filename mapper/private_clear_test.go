package mapper

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/rules"
)

// clearFields are the fields of a conversion that leave as they are, by the table they
// are in: how a mapping makes each from properties.x, or why no value of an event can
// come into it.
type clearField struct{ mapping, properties, closed string }

func at(mapping string) clearField { return clearField{mapping: mapping} }

// property is one that a property of its name makes.
func property(name string) clearField { return clearField{properties: `"` + name + `":%s`} }

// TestClearFieldsAreLookedAt walks the tables of Meta's fields: whatever a mapping points
// one to, none leaves with what is the customer's in it. A new row fails here until it
// says how it is made.
func TestClearFieldsAreLookedAt(t *testing.T) {
	fields := map[string]clearField{}
	add := func(table, name string, f clearField) { fields[table+"."+name] = f }
	for _, k := range match.Table {
		if k.Hash != meta.Hashed {
			add("user_data", k.Name, at("match_keys: { email: context.traits.email, phone: context.traits.phone, "+k.Name+": properties.x }"))
		}
	}
	for _, k := range meta.Identifiers {
		add("user_data", k.Name, at("match_keys: { "+k.Name+": properties.x }\naction_source: website"))
	}
	for _, name := range meta.StoreData.Names {
		found := false
		for _, m := range rules.StoreMembers {
			if m.Member == name {
				add("store_data", name, at("store: { "+m.Name+": properties.x }"))
				add("store_data of the event", name, clearField{properties: `"store_data":{"` + name + `":%s}`})
				found = true
			}
		}
		if !found {
			t.Errorf("store_data.%s: no setting makes it", name)
		}
	}
	for _, name := range meta.OriginalEvent.Names {
		add("original_event_data", name, at("original_event_data: { "+name+": properties.x }"))
	}
	members := map[string]clearField{
		"event_name": {closed: "the mapping's word"}, "event_time": {closed: "a time"}, "action_source": {closed: "one of Meta's words"},
		"user_data": {closed: "hashes, and the table above"}, "match_keys": {closed: "hashes, and the table above"}, "custom_data": {closed: "the table below"},
		"event_id":         {},
		"event_source_url": at("event_source_url: properties.x\naction_source: website"), "referrer_url": at("referrer_url: properties.x\naction_source: website"),
		"opt_out": {closed: "true or false"}, "data_processing_options": {closed: "LDU"}, "data_processing_options_country": {closed: "a number of Meta's list"}, "data_processing_options_state": {closed: "a number of Meta's list"},
		"app_data": {closed: "not sent"}, "attribution_data": {closed: "not sent"}, "messaging_channel": {closed: "not sent"}, "advanced_measurement_table": {closed: "not sent"}, "advertiser_tracking_enabled": {closed: "not sent"},
		"original_event_data": {closed: "the table above"}, "customer_segmentation": {closed: "one of Meta's words"}, "store_data": {closed: "the table above"},
		"order_id": property("order_id"), "item_number": property("item_number"),
		"value": {closed: "an amount of money"}, "currency": {closed: "a code of ISO 4217"}, "content_type": {closed: "product or product_group"},
		"content_ids": property("product_id"), "contents": {properties: `"products":[{"product_id":%s}]`},
	}
	for _, f := range meta.Members(meta.InBoth) {
		m, ok := members[f.Name]
		if !ok {
			t.Errorf("%s: this test does not know how it is made of an event; say it here, and have it looked at (whyClear)", f.Name)
		}
		add("event", f.Name, m)
	}
	for _, f := range meta.CustomData() {
		m, ok := members[f.Name]
		if !ok || f.Writer == meta.Leftover {
			m = property(f.Name)
		}
		add("custom_data", f.Name, m)
	}
	for _, name := range meta.ItemFields.Names {
		switch name {
		case "quantity":
			add("contents", name, clearField{closed: "a number of goods"})
		case "id":
			add("contents", name, members["contents"])
		default:
			add("contents", name, clearField{"contents: [title, description, category, brand]", `"products":[{"product_id":"sku-1","` + name + `":%s}]`, ""})
		}
	}

	const traits = `"email":"ada.hofe@example.com","phone":"+49 221 5550123","firstName":"Ada","lastName":"Hofe","birthday":"1985-04-05","address":{"street":"Musterweg 5","city":"Bonn","country":"DE"}`
	values := map[string][]string{ // what the customer's is, and how a till writes it
		"492215550123": {`"+49 221 5550123"`, `"492215550123"`, `492215550123`, `"l:492215550123"`, `"fb.1.1700000000000.492215550123"`, `"https://shop.example/?t=492215550123"`},
		"2215550123":   {`"0221-5550123"`, `"2215550123"`, `2215550123`, `"02215550123"`},
		"adahofe":      {`"Ada Hofe"`, `"https://shop.example/Ada%20Hofe"`, `"ada.hofe@example.com"`, `"fb.1.1700000000000.ada.hofe@example.com"`},
		"musterweg5":   {`"Musterweg 5"`, `"musterweg-5"`},
		"19850405":     {`"19850405"`, `19850405`, `"1985-04-05"`},
		"05041985":     {`"05.04.1985"`, `"05041985"`},
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	looked := 0
	for name, f := range fields {
		if f.closed != "" {
			continue
		}
		for _, api := range []string{"conversions", "offline"} {
			m, _, err := Parse("mapping.yaml", []byte("version: 1\napi: "+api+"\ndefault_country: DE\nevents: { Sale: '701000000000001' }\n"+f.mapping+"\n"), WithSecret([]byte("an installation's secret of 32 b")))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for digits, spellings := range values {
				for _, text := range spellings {
					properties, id := `"x":`+text, "m-1"
					if f.properties != "" {
						properties = fmt.Sprintf(f.properties, text)
					}
					if name == "event.event_id" {
						id = strings.Trim(text, `"`)
					}
					body := fmt.Sprintf(`{"event":"Sale","messageId":%q,"userId":"k-1","timestamp":"2026-11-20T11:00:00Z","context":{"traits":{%s}},"properties":{%s}}`, id, traits, properties)
					for _, o := range m.Map(Event{Body: []byte(body), Received: now}, now) {
						looked++
						if o.Kind != Send {
							t.Errorf("%s (%s): %s: %+v", name, api, text, o)
						}
						if left := squashed(string(o.Conversion)); strings.Contains(left, digits) {
							t.Errorf("%s (%s): %s leaves: %s", name, api, text, o.Conversion)
						}
					}
				}
			}
		}
	}
	if looked < 2000 {
		t.Errorf("%d conversions were looked at", looked)
	}
}

func squashed(text string) string {
	var out strings.Builder
	for text := range fold.Layers(text) {
		for _, c := range strings.ToLower(text) {
			if '0' <= c && c <= '9' || 'a' <= c && c <= 'z' {
				out.WriteRune(c)
			}
		}
	}
	return out.String()
}
