package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// change is one departure from an event that is taken, and the answer that
// the facts demand; "" is: still taken.
type change struct {
	path, value string
	want        string
}

func q(s string) string { return strconv.Quote(s) }

func ago(d time.Duration) string { return fmt.Sprint(clock - int64(d/time.Second)) }

// What Meta refuses in a conversion (docs/meta.md 2.2, 3, 4, 5.2, 6.5).
func TestConversionRules(t *testing.T) {
	h := q(hashMail)
	for _, c := range []change{
		{"event_name", "", "100/2804019"},
		{"event_name", `""`, "100/2804019"},
		{"event_name", `7`, "100/2804019"},
		{"event_name", `"Gift Card Sold"`, ""}, // custom names are free (4.1)
		{"event_time", "", "100/2804019"},
		{"event_time", `"1789999000"`, "100/2804019"},
		{"event_time", `1789999000.5`, "100/2804019"},
		{"event_time", `1789999000000`, "100/2804004"}, // milliseconds
		{"event_time", ago(6 * day), ""},
		{"event_time", ago(61 * day), ""},
		{"event_time", ago(63 * day), "100/2804003"},
		{"event_time", ago(-30 * time.Second), ""},
		{"event_time", ago(-10 * time.Minute), "100/2804004"},
		{"order_id", `"o-1"`, ""}, // as in custom_data
		{"order_id", `"o-2"`, "100"},
		{"order_id", `1`, "100"},
		{"order_id", `""`, "100"},
		{"item_number", `"9"`, ""},
		{"store_data", `{"store_code":"NYC-14","store_page_id":1,"brand_page_id":2}`, ""},
		{"store_data", `{}`, "100"},
		{"store_data", `{"store_code":""}`, "100"},
		{"store_data", `{"store_code":14}`, "100"},
		{"store_data", `{"store_code":"` + strings.Repeat("a", 65) + `"}`, "100"},
		{"store_data", `{"store_page_id":"1"}`, "100"},
		{"store_data", `{"store_page_id":0}`, "100"},
		{"store_data", `{"manager":"x"}`, "100"},
		{"store_data", `[]`, "100"},
		{"customer_segmentation", `"customer_in_loyalty_program"`, ""},
		{"customer_segmentation", `"gold"`, "100"},
		{"original_event_data", `{"event_name":"Purchase","event_time":1,"order_id":"1","event_id":"2"}`, ""},
		{"original_event_data", `{"event_time":"1"}`, "100"},
		{"original_event_data", `{"order_id":1}`, "100"},
		{"original_event_data", `{"order":"1"}`, "100"},
		{"opt_out", `true`, ""},
		{"opt_out", `"true"`, "100"},
		{"referrer_url", `"https://www.example.com"`, ""},
		{"custom_data.contents", `[{"id":"a","delivery_category":"drone"}]`, "100"},
		{"custom_data.contents", `[{"id":"a","delivery_category":"in_store"}]`, ""},
		{"action_source", "", "100/2804019"},
		{"action_source", `"store"`, "100/2804019"},
		{"action_source", `"website"`, ""}, // taken without user agent (2.2, last paragraph)
		{"user_data", "", "100/2804019"},
		{"user_data", `[]`, "100/2804019"},
		{"user_data", `{}`, "100/2804050"},
		{"user_data", `{"email":` + h + `}`, "100"}, // the legacy name
		{"user_data.em", `"jane@example.com"`, "100/2804016"},
		{"user_data.em", `["` + strings.ToUpper(hashMail) + `"]`, "100/2804016"},
		{"user_data.em", `[` + h + `,"jane@example.com"]`, "100/2804016"},
		{"user_data.em", `[]`, "100/2804016"},
		{"user_data.em", `null`, "100/2804016"},
		{"user_data.em", `""`, "100/2804016"},
		{"user_data.em", h, ""},
		{"user_data.em", q(hashMail + ".AQYBAQIA"), ""}, // Meta's own library (3.3)
		{"user_data.ph", `"15550100"`, "100/2804016"},
		{"user_data.fn", `"mary"`, "100/2804016"},
		{"user_data.ln", `"doe"`, "100/2804016"},
		{"user_data.ge", `"f"`, "100/2804016"},
		{"user_data.ct", `"newyork"`, "100/2804016"},
		{"user_data.st", `"ca"`, "100/2804016"},
		{"user_data.zp", `"94035"`, "100/2804016"},
		{"user_data.country", `"us"`, "100/2804016"},
		{"user_data.db", `"19970216"`, "100/2804016"},
		{"user_data.external_id", `["c-1"]`, ""}, // hashing is recommended only
		{"user_data.external_id", `""`, "100"},
		{"user_data.external_id", `17`, "100"},
		{"user_data.lead_id", `12345`, ""},
		{"user_data.lead_id", `"12345"`, "100/2804036"},
		{"user_data.lead_id", `0`, "100/2804036"},
		{"user_data.lead_id", `99999999999999999999`, "100/2804036"},
		{"user_data.client_ip_address", `"203.0.113.7"`, ""},
		{"user_data.client_ip_address", `"till 7"`, "100"},
		{"user_data.fbp", `"fb.1.1596403881668.1116446470"`, ""},
		{"user_data.fbp", `"x"`, "100"},
		{"user_data.client_user_agent", `""`, "100"},
		{"user_data", `{"ct":` + h + `,"country":` + h + `,"st":` + h + `,"zp":` + h + `,"ge":` + h + `}`, "100/2804050"},
		{"user_data", `{"ct":` + h + `}`, "100/2804050"},
		{"user_data", `{"db":` + h + `,"client_user_agent":"till"}`, "100/2804050"},
		{"user_data", `{"fn":` + h + `,"ge":` + h + `}`, "100/2804050"},
		{"user_data", `{"ln":` + h + `}`, "100/2804050"},
		{"user_data", `{"fn":` + h + `,"ln":` + h + `}`, ""}, // not a listed set
		{"user_data", `{"ct":` + h + `,"fn":` + h + `}`, ""},
		{"user_data", `{"external_id":"c-1"}`, ""},
		{"custom_data", `[]`, "100"},
		{"custom_data", "", "100/2804009"},
		{"custom_data.value", "", "100/2804009"},
		{"custom_data.value", `null`, "100/2804009"},
		{"custom_data.value", `"10.5"`, "100"},
		{"custom_data.value", `-1`, "100"},
		{"custom_data.value", `0`, ""},
		{"custom_data.value", `1e400`, "100"},
		{"custom_data.currency", "", "100/2804010"},
		{"custom_data.currency", `"usd"`, ""},
		{"custom_data.currency", `"XYZ"`, "100"},
		{"custom_data.currency", `840`, "100"},
		{"custom_data.contents", `[{"quantity":1}]`, "100/2804008"},
		{"custom_data.contents", `[{"id":"","quantity":1}]`, "100/2804008"},
		{"custom_data.contents", `{"id":"a"}`, "100"},
		{"custom_data.contents", `["a"]`, "100"},
		{"custom_data.contents", `[{"id":"a","quantity":0}]`, "100"},
		{"custom_data.contents", `[{"id":"a","item_price":"1"}]`, "100"},
		{"custom_data.contents", `[{"id":"a","item_price":0}]`, ""},
		{"custom_data.content_ids", `"a"`, "100"},
		{"custom_data.content_ids", `[]`, "100"},
		{"custom_data.content_ids", `[1]`, "100"},
		{"custom_data.content_type", `"thing"`, "100"},
		{"custom_data.content_type", `"product_group"`, ""},
		{"custom_data.order_id", `17`, "100"},
		{"custom_data.num_items", `"3"`, "100"},
		{"custom_data.num_items", `3`, ""},
		{"custom_data.search_string", `["x"]`, "100"},
		{"custom_data.predicted_ltv", `"1"`, "100"},
		{"custom_data.delivery_category", `"drone"`, "100"},
		{"custom_data.delivery_category", `"in_store"`, ""},
		{"custom_data.coupon", `{"any":["thing",1,true]}`, ""}, // free members (4.2)
		{"data_processing_options", `[]`, ""},
		{"data_processing_options", `["LDU"]`, "100"}, // no country, no state
		{"data_processing_options", `"LDU"`, "100"},
		{"data_processing_options", `["ldu"]`, "100"},
		{"event_id", `7`, "100"},
		{"event_id", "", ""},
		{"opt_out", `"true"`, "100"},
		{"opt_out", `true`, ""},
		{"original_event_data", `"x"`, "100"},
		{"value", `10`, "100"},      // legacy members
		{"match_keys", `{}`, "100"}, //
	} {
		t.Run(c.path+"="+c.value, func(t *testing.T) {
			s, url := start(t, Options{})
			c.expect(t, s, url+conversions, with(t, good(), c.path, c.value))
		})
	}
}

func (c change) expect(t *testing.T, s *Sandbox, url, event string) {
	t.Helper()
	r := post(t, url, wrap(event))
	taken := s.Stats().Events
	if c.want == "" {
		if r.status != 200 || taken != 1 {
			t.Errorf("want taken, got %d %s", r.status, r.body)
		}
		return
	}
	if r.status != 400 || r.code() != c.want || taken != 0 {
		t.Errorf("want %s, got %d %s (%d taken)", c.want, r.status, r.body, taken)
	}
}

func TestConversionRulesThatNeedMore(t *testing.T) {
	lead := with(t, good(), "event_name", `"Lead"`)
	for name, c := range map[string]struct{ event, want string }{
		"Lead without value and currency": {with(t, with(t, lead, "custom_data.value", ""), "custom_data.currency", ""), ""},
		"value without currency":          {with(t, lead, "custom_data.currency", ""), "100/2804023"},
		"website event of 8 days":         {with(t, with(t, good(), "action_source", `"website"`), "event_time", ago(8*day)), "100/2804003"},
		"app without extinfo":             {with(t, good(), "action_source", `"app"`), "100/2804043"},
		"messaging without channel":       {with(t, good(), "action_source", `"business_messaging"`), "100/2804063"},
		"LDU, geolocated": {with(t, with(t, with(t, good(), "data_processing_options", `["LDU"]`),
			"data_processing_options_country", `0`), "data_processing_options_state", `0`), ""},
		"LDU, California": {with(t, with(t, with(t, good(), "data_processing_options", `["LDU"]`),
			"data_processing_options_country", `1`), "data_processing_options_state", `1000`), ""},
		"LDU, no such state": {with(t, with(t, with(t, good(), "data_processing_options", `["LDU"]`),
			"data_processing_options_country", `1`), "data_processing_options_state", `1015`), "100"},
		"LDU, no such country": {with(t, with(t, with(t, good(), "data_processing_options", `["LDU"]`),
			"data_processing_options_country", `2`), "data_processing_options_state", `0`), "100"},
		"not an object": {`7`, "100"},
		"null":          {`null`, "100"},
		"broken text":   {q(`{"event_name":`), "100"},
	} {
		t.Run(name, func(t *testing.T) {
			s, url := start(t, Options{})
			change{want: c.want}.expect(t, s, url+conversions, c.event)
		})
	}
}

// The two readings of the age rule for stores (docs/meta.md 5.2).
func TestStoreDays(t *testing.T) {
	old := with(t, good(), "event_time", ago(8*day))
	s, url := start(t, Options{Settings: Settings{StoreDays: 7}})
	if r := post(t, url+conversions, wrap(good(), old)); r.code() != "100/2804003" || s.Stats().Events != 0 {
		t.Errorf("7 days: %s", r.body)
	}
	if err := s.Update(func(n *Settings) { n.StoreDays = 62 }); err != nil {
		t.Fatal(err)
	}
	if r := post(t, url+conversions, wrap(good(), old)); r.status != 200 {
		t.Errorf("62 days: %s", r.body)
	}
}

// What the legacy API refused, inside its own error (docs/meta.md 2.4,
// 6.3): the inner code is looked for.
func TestOfflineRules(t *testing.T) {
	h := q(hashMail)
	for _, c := range []change{
		{"event_name", "", "2804019"},
		{"event_name", `"Gift Card Sold"`, "2804019"},
		{"event_name", `"Other"`, ""},
		{"event_name", `"purchase"`, "2804019"},
		{"event_time", "", "2804019"},
		{"event_time", ago(700 * day), ""},
		{"event_time", ago(731 * day), "2804003"},
		{"event_time", ago(-time.Hour), "2804004"},
		{"match_keys", "", "2804050"},
		{"match_keys", `{}`, "2804050"},
		{"match_keys", `{"em":` + h + `}`, "100"}, // the new name
		{"match_keys.email", `"jane@example.com"`, "2804016"},
		{"match_keys.email", `[` + h + `,` + h + `,` + h + `]`, ""},
		{"match_keys.email", `[` + h + `,` + h + `,` + h + `,` + h + `]`, "100"},
		{"match_keys.phone", `null`, "2804016"},
		{"match_keys.gen", `"m"`, "2804016"},
		{"match_keys.doby", `"1997"`, "2804016"},
		{"match_keys", `{"extern_id":"C-1"}`, ""}, // alone it is enough (3.4)
		{"match_keys", `{"extern_id":""}`, "100"},
		{"match_keys.lead_id", `"l:1"`, "2804036"},
		{"match_keys.lead_id", `1`, ""},
		{"value", "", "2804009"},
		{"value", `0`, "100"},
		{"value", `"10"`, "100"},
		{"currency", "", "2804010"},
		{"currency", `"XX"`, "100"},
		{"contents", `[{"price":1}]`, "2804008"},
		{"contents", `[{"id":"a","quantity":1,"item_price":1}]`, "100"},
		{"contents", `[{"id":"a","quantity":1,"price":0}]`, "100"},
		{"content_ids", `[]`, "100"},
		{"content_type", `["product"]`, ""},
		{"content_type", `1`, "100"},
		{"order_id", `5`, "100"},
		{"item_number", `"1"`, ""},
		{"item_number", `1`, "100"},
		{"custom_data", `[]`, "100"},
		{"custom_data", `{"coupon":"X"}`, ""},
		{"data_processing_options", `["LDU"]`, "100"},
		{"event_id", `"m-1"`, "100"}, // unknown to the old format
	} {
		t.Run(c.path+"="+c.value, func(t *testing.T) {
			s, url := start(t, Options{})
			r := post(t, url+offline, wrap(with(t, legacy(), c.path, c.value)))
			if c.want == "" {
				if r.status != 200 || s.Stats().Events != 1 {
					t.Errorf("want taken, got %d %s", r.status, r.body)
				}
				return
			}
			if r.code() != "100/1815356" || !strings.Contains(r.body, `"code":`+c.want+`,"event_index":0`) || s.Stats().Events != 0 {
				t.Errorf("want inner code %s, got %d %s", c.want, r.status, r.body)
			}
		})
	}
	t.Run("item without order", func(t *testing.T) {
		_, url := start(t, Options{})
		e := with(t, with(t, legacy(), "item_number", `"1"`), "order_id", "")
		if r := post(t, url+offline, wrap(e)); r.code() != "100/1815356" {
			t.Error(r.body)
		}
	})
	t.Run("value without currency", func(t *testing.T) {
		_, url := start(t, Options{})
		e := with(t, with(t, legacy(), "event_name", `"Lead"`), "currency", "")
		if r := post(t, url+offline, wrap(e)); !strings.Contains(r.body, "2804023") {
			t.Error(r.body)
		}
		e = with(t, with(t, legacy(), "event_name", `"Lead"`), "value", "")
		if r := post(t, url+offline, wrap(e)); r.code() != "100/1815356" {
			t.Error(r.body)
		}
	})
}

// The legacy error names every bad event (docs/meta.md 6.3); the form of
// error_data varies (6.2).
func TestOfflineNamesBadEvents(t *testing.T) {
	s, url := start(t, Options{})
	bad := with(t, legacy(), "match_keys", `{}`)
	batch := wrap(legacy(), bad, legacy(), bad)
	r := post(t, url+offline, batch)
	data := r.json["error"].(map[string]any)["error_data"]
	m, ok := data.(map[string]any)
	if !ok || len(m) != 2 || !strings.Contains(r.body, `"event_index":1`) || !strings.Contains(r.body, `"event_index":3`) || !strings.Contains(r.body, `"type":"CodedException"`) {
		t.Errorf("error_data %v", data)
	}
	if err := s.Update(func(n *Settings) { n.ErrorData = "string" }); err != nil {
		t.Fatal(err)
	}
	r = post(t, url+offline, batch)
	if text, ok := r.json["error"].(map[string]any)["error_data"].(string); !ok || !strings.Contains(text, `"event_index":3`) {
		t.Errorf("error_data as text: %s", r.body)
	}
}

// Every rule must have a source, and every source a section that exists.
func TestRulesCiteTheirFacts(t *testing.T) {
	for _, legacy := range []bool{false, true} {
		for _, r := range Rules(legacy) {
			if !strings.HasPrefix(r["fact"], "docs/meta.md ") || !strings.Contains(r["fact"], "(") {
				t.Errorf("%s: %q", r["rule"], r["fact"])
			}
		}
	}
}
