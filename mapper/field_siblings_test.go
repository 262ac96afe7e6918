package mapper

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/internal/meta"
)

// fieldSiblings are made after kinds of input that trackers report: what a careful shop
// wants of each, in the words of `relay map`.
var fieldSiblings = []struct {
	kind, keys, event string
	want              string // the outcome and its reason; for what is sent a path of the conversion and what stands there
}{
	{"[] for {}", "", `"properties":{"revenue":5},"context":[],"integrations":[],"userId":"u"`, "send custom_data.value 5"},
	{"[] for {}", "", `"properties":{"revenue":5},"context":{"traits":[],"consent":[],"device":[]},"userId":"u"`, "send custom_data.value 5"},
	{"[] for {}", "", `"properties":{"revenue":5},"context":{"traits":{"email":"ada@example.com","address":[]}}`, "send custom_data.value 5"},
	{"[] for {}", "", `"properties":{"revenue":5,"products":{},"extra":[]},"traits":[],"userId":"u"`, "send custom_data.content_ids <nil>"},
	{"[] for {}", "", `"properties":[],"userId":"u"`, "hold missing_value"},
	{"[] for {}", "consent: advertising", `"properties":{"revenue":5},"context":{"consent":{"categoryPreferences":[]}},"userId":"u"`, "skip no_consent"},

	{"an order that is not paid", paidOnly("properties.status == 'completed'"), `"properties":{"revenue":5,"status":"cancelled"},"userId":"u"`, "skip filtered"},
	{"an order that is not paid", paidOnly("properties.status == 'completed'"), `"properties":{"revenue":5,"status":"completed"},"userId":"u"`, "send custom_data.status completed"},
	{"an order that is not paid", paidOnly("properties.state in ['COMPLETED', 'PAID']"), `"properties":{"revenue":5,"state":"VOIDED"},"userId":"u"`, "skip filtered"},
	{"an order that is not paid", paidOnly("not properties.refunded"), `"properties":{"revenue":5,"refunded":true},"userId":"u"`, "skip filtered"},
	{"an order that is not paid", paidOnly("properties.revenue > 0"), `"properties":{"revenue":-5},"userId":"u"`, "skip filtered"},
	{"an order that is not paid", "", `"properties":{"revenue":-5},"userId":"u"`, "hold invalid_value"},

	{"privacy of other states", "limited_data_use: { country: 1, state: 1003 }", `"properties":{"revenue":5},"userId":"u"`, "send data_processing_options_state 1003"},
	{"privacy of other states", "limited_data_use: { country: 1, state: 1000 }", `"properties":{"revenue":5},"userId":"u","integrations":{"Facebook Conversions API":{"dataProcessingOptions":[["LDU"],1,1001]}}`, "send data_processing_options_state 1001"},
	{"privacy of other states", "limited_data_use: { country: 0, state: 0 }", `"properties":{"revenue":5},"userId":"u","context":{"Facebook Offline Conversions":{"dataProcessingOptions":[[]]}}`, "send data_processing_options []"},
	{"privacy of other states", "", `"properties":{"revenue":5},"userId":"u","integrations":{"Facebook Conversions API":{"dataProcessingOptions":[["LDU"],1,1001]}}`, "send data_processing_options <nil>"},

	{"money in one object", "events: { Order Completed: { to: '1', value: [{ path: properties.total.amount, minor_units: true }] } }\ncurrency: [properties.total.currency]", `"properties":{"total":{"amount":4760,"currency":"JPY"}},"userId":"u"`, "send custom_data.value 4760"},
	{"money in one object", "", `"properties":{"revenue":{"amount":4760,"currency":"EUR"}},"userId":"u"`, "hold invalid_value"},
	{"money in one object", "events: { Order Completed: { to: '1', value: [properties.price_set.shop_money.amount] } }\ncurrency: [properties.price_set.shop_money.currency_code]", `"properties":{"price_set":{"shop_money":{"amount":"47.60","currency_code":"CAD"}}},"userId":"u"`, "send custom_data.currency CAD"},
	{"money under another name", "events: { Order Completed: { to: '1', value: [properties.revenue, properties.total] } }", `"properties":{"total":47.6},"userId":"u"`, "send custom_data.value 47.6"},
	{"money under another name", "", `"properties":{"total":47.6},"userId":"u"`, "hold missing_value"},

	{"goods under another name", "products: { id: [sku, id], in: properties.items }", `"properties":{"revenue":5,"items":[{"sku":"A","quantity":2,"price":1}]},"userId":"u"`, "send custom_data.content_ids [A]"},
	{"goods under another name", "products: { id: item_id, in: properties.ecommerce.items }", `"properties":{"revenue":5,"ecommerce":{"items":[{"item_id":7,"quantity":2}]}},"userId":"u"`, "send custom_data.content_ids [7]"},
	{"goods without an id", "", `"properties":{"revenue":5,"products":[{"item_name":"foo","quantity":1}]},"userId":"u"`, "send custom_data.contents <nil>"},
	{"goods as JSON text", "", `"properties":{"revenue":5,"products":"[{\"product_id\":\"A\",\"quantity\":\"2\"}]"},"userId":"u"`, "send custom_data.content_ids [A]"},
	{"Meta's own fields as text", "", `"properties":{"revenue":5,"contents":"[{\"id\":\"1\"}]","content_ids":"[\"a\"]"},"userId":"u"`, "send custom_data.contents <nil>"},

	{"hash of nothing", "", `"properties":{"revenue":5},"context":{"traits":{"email":"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"}}`, "skip no_customer"},
	{"hash of nothing", "", `"properties":{"revenue":5},"userId":"` + strings.Repeat("0", 64) + `"`, "skip no_customer"},
	{"hash of a placeholder", "", `"properties":{"revenue":5},"context":{"traits":{"phone":"74234e98afe7498fb5daf1f36ac2d78acc339464f950703b8c019892f982b90b"}}`, "skip no_customer"}, // null

	{"a till that is a moment ahead", "", `"timestamp":"2026-11-20T12:00:00.900Z","properties":{"revenue":5},"userId":"u"`, "send custom_data.value 5"},
	{"a till that is minutes ahead", "", `"timestamp":"2026-11-20T12:05:00Z","properties":{"revenue":5},"userId":"u"`, "hold future"},
}

func paidOnly(when string) string {
	return `events: { Order Completed: { to: '1', when: "` + when + `" } }`
}

func TestFieldSiblings(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range fieldSiblings {
		src := "version: 1\ndefault_currency: USD\n" + c.keys
		if !strings.Contains(c.keys, "events:") {
			src += "\nevents: { Order Completed: '1' }\n"
		}
		m, _, err := Parse("mapping.yaml", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		out := m.Map(Event{Body: []byte(`{"event":"Order Completed","messageId":"m",` + c.event + `}`), Received: now}, now)
		got := fmt.Sprint(out[0].Kind, " ", out[0].Reason)
		if out[0].Kind == Send {
			var conv map[string]any
			if err := json.Unmarshal(out[0].Conversion, &conv); err != nil {
				t.Fatal(err)
			}
			path := strings.Fields(c.want)[1]
			got = fmt.Sprint("send ", path, " ", valueAt(conv, path))
		}
		if got != c.want {
			t.Errorf("%s: %s\n%s\ngot  %s\nwant %s (%s; %v)", c.kind, c.keys, c.event, got, c.want, out[0].Message, out[0].Notes)
		}
	}
}

// Every word that Meta has for a member goes out as it is.
func TestEveryWordOfMetas(t *testing.T) {
	for _, word := range meta.Segmentations.Names {
		if conv, o := mapped(t, "customer_segmentation: properties.c", `,"c":"`+word+`"`, ""); conv["customer_segmentation"] != word || len(o.Notes) > 0 {
			t.Errorf("%s: %v %v", word, conv["customer_segmentation"], o.Notes)
		}
	}
	for _, word := range meta.ActionSources.Names {
		if conv, _ := mapped(t, "action_source: properties.c", `,"c":"`+word+`"`, ""); conv["action_source"] != word {
			t.Errorf("%s: %v", word, conv["action_source"])
		}
	}
	for _, word := range meta.Deliveries.Names {
		conv, _ := mapped(t, "", `,"delivery_category":"`+word+`","products":[{"product_id":"a","delivery_category":"`+word+`"}]`, "")
		contents, _ := valueAt(conv, "custom_data.contents").([]any)
		if valueAt(conv, "custom_data.delivery_category") != word || len(contents) != 1 || contents[0].(map[string]any)["delivery_category"] != word {
			t.Errorf("%s: %v", word, conv["custom_data"])
		}
	}
	conv, _ := mapped(t, "original_event_data: { event_name: properties.n, event_time: properties.t, order_id: properties.o, event_id: properties.e }",
		`,"n":"Purchase","t":"2026-11-01T10:00:00Z","o":"R-1","e":"m-9"`, "")
	if got := fmt.Sprint(conv["original_event_data"]); got != "map[event_id:m-9 event_name:Purchase event_time:1.7935272e+09 order_id:R-1]" {
		t.Error(got)
	}
}
