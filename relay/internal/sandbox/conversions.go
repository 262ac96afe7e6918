package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/bojanz/currency"

	"relay/internal/meta"
)

// conversionRules are the rules of the Conversions API, in the order in which
// they are checked.
var conversionRules = []rule{
	{"event members are known", "docs/meta.md 2.2 (I: unknown ones are refused)", knownMembers},
	{"event_name is there", "docs/meta.md 2.2 (M)", eventName},
	{"event_time is there, whole Unix seconds", "docs/meta.md 2.2 (M)", eventTime},
	{"action_source is one of nine", "docs/meta.md 2.2 (M)", actionSource},
	{"event is not older than 7 days, or 62 for physical_store", "docs/meta.md 5.2 (M, O)", tooOld},
	{"event is not in the future", "docs/meta.md 5.2 (T)", inFuture},
	{"user_data is an object of known keys", "docs/meta.md 2.2, 3.1 (M)", userDataObject},
	{"contact data is hashed", "docs/meta.md 3.1, 3.4 (M, O)", userDataHashed},
	{"lead_id is a positive integer", "docs/meta.md 3.1 (M), 6.5 (T)", leadID},
	{"other keys have their form", "docs/meta.md 3.1 (M)", userDataPlain},
	{"keys are not only a set that is too weak", "docs/meta.md 3.4 (M)", notWeak},
	{"custom_data members have their types", "docs/meta.md 4.2 (M, C)", customData},
	{"contents items have an id", "docs/meta.md 4.2 (T)", contentsID},
	{"Purchase has a value", "docs/meta.md 4.2 (M), 6.5 (O)", purchaseValue},
	{"Purchase has a currency", "docs/meta.md 4.2 (M), 6.5 (O)", purchaseCurrency},
	{"value has a currency", "docs/meta.md 4.2 (M), 6.5 (T)", valueCurrency},
	{"currency is an ISO 4217 code", "docs/meta.md 4.2, 3.3 (M, C)", currencyCode},
	{"limited data use is complete", "docs/meta.md 2.2, 8.3 (M)", limitedUse},
	{"app events carry 16 values of extinfo", "docs/meta.md 2.2 (M), 6.5 (O)", appData},
	{"business_messaging events name a channel", "docs/meta.md 2.2 (C), 6.5 (T)", messaging},
	{"order_id and item_number are text, and the same at the event and in custom_data", "docs/meta.md 2.7 (C, M; I: two values are refused)", orderIDs},
	{"store_data names a store", "docs/meta.md 2.7 (C, M)", storeData},
	{"other event members have their types", "docs/meta.md 2.2, 2.5 (M)", otherMembers},
}

var eventMembers = members(meta.InConversions)

// members are the names of the parameters of an event.
func members(of meta.Formats) map[string]bool {
	known := map[string]bool{}
	for _, f := range meta.Members(of) {
		known[f.Name] = true
	}
	return known
}

// orders are the fields by which a repeated event of an order is recognised.
var orders = []string{"order_id", "item_number"}

// orderIDs checks both places: with two different values it is unknown which one Meta reads.
func orderIDs(_ *judge, e *event) *fault {
	for _, k := range orders {
		at, there := e.m[k]
		in, also := custom(e)[k]
		switch {
		case there && str(at) == "":
			return invalid(k, k+" must be text.")
		case there && also && at != in:
			return invalid(k, k+" has one value at the event and another in custom_data.")
		}
	}
	return nil
}

func storeData(_ *judge, e *event) *fault {
	m, there := e.m["store_data"].(map[string]any)
	if !there {
		return nil // or of a wrong type: otherMembers
	}
	if len(m) == 0 || unknown(m, names(meta.StoreData.Names...)) != "" {
		return invalid("store_data", "store_data must hold store_code, store_page_id or brand_page_id, and nothing else.")
	}
	if v, ok := m["store_code"]; ok {
		if n := len([]rune(strings.TrimSpace(str(v)))); n < 1 || n > meta.StoreCodeLength {
			return invalid("store_data.store_code", "store_code must be text of 1 to 64 characters.")
		}
	}
	for _, k := range []string{"store_page_id", "brand_page_id"} {
		if v, ok := m[k]; ok {
			if n, ok := whole(v); !ok || n < 1 {
				return invalid("store_data."+k, k+" must be a whole number above 0.")
			}
		}
	}
	return nil
}

func originalEvent(m map[string]any) *fault {
	const at = "original_event_data"
	if unknown(m, names(meta.OriginalEvent.Names...)) != "" {
		return invalid(at, "original_event_data has a member that it does not know.")
	}
	for k, v := range m {
		if k == "event_time" {
			if _, ok := whole(v); !ok {
				return invalid(at+".event_time", "event_time must be whole Unix seconds.")
			}
		} else if str(v) == "" {
			return invalid(at+"."+k, k+" must be text.")
		}
	}
	return nil
}

func knownMembers(_ *judge, e *event) *fault {
	if k := unknown(e.m, eventMembers); k != "" {
		return invalid("", "The event has a member that is no parameter of the Conversions API.")
	}
	return nil
}

func eventName(_ *judge, e *event) *fault {
	if strings.TrimSpace(str(e.m["event_name"])) == "" {
		return server("event_name", "event_name is required.")
	}
	return nil
}

func eventTime(_ *judge, e *event) *fault {
	if _, ok := whole(e.m["event_time"]); !ok {
		return server("event_time", "event_time is required, in whole Unix seconds.")
	}
	return nil
}

func actionSource(_ *judge, e *event) *fault {
	if !slices.Contains(meta.ActionSources.Names, str(e.m["action_source"])) {
		return server("action_source", "action_source is required and must be one of the listed values.")
	}
	return nil
}

func tooOld(j *judge, e *event) *fault {
	most := meta.EventAge
	if str(e.m["action_source"]) == "physical_store" && j.set.StoreDays != 7 {
		most = meta.StoreAge
	}
	at, _ := whole(e.m["event_time"])
	if at < j.now.Add(-most).Unix() {
		return &fault{subcode: meta.EventTooOld, path: "event_time"}
	}
	return nil
}

func inFuture(j *judge, e *event) *fault {
	ahead := j.set.FutureSeconds
	if ahead == 0 {
		ahead = int(meta.Ahead / time.Second)
	}
	at, _ := whole(e.m["event_time"])
	if at > j.now.Unix()+int64(ahead) {
		return &fault{subcode: meta.EventInFuture, path: "event_time"}
	}
	return nil
}

func custom(e *event) map[string]any {
	m, _ := e.m["custom_data"].(map[string]any)
	return m
}

func purchaseValue(_ *judge, e *event) *fault {
	v, there := custom(e)["value"]
	if str(e.m["event_name"]) == "Purchase" && (!there || v == nil) {
		return &fault{subcode: 2804009, path: "custom_data.value"}
	}
	return nil
}

func purchaseCurrency(_ *judge, e *event) *fault {
	if str(e.m["event_name"]) == "Purchase" && str(custom(e)["currency"]) == "" {
		return &fault{subcode: 2804010, path: "custom_data.currency"}
	}
	return nil
}

func valueCurrency(_ *judge, e *event) *fault {
	if v, ok := custom(e)["value"]; ok && v != nil && str(custom(e)["currency"]) == "" {
		return &fault{subcode: 2804023, path: "custom_data.currency"}
	}
	return nil
}

func currencyCode(_ *judge, e *event) *fault {
	v, ok := custom(e)["currency"]
	if ok && !currency.IsValid(strings.ToUpper(str(v))) { // both cases appear in the documentation
		return invalid("custom_data.currency", "currency must be an ISO 4217 code.")
	}
	return nil
}

func limitedUse(_ *judge, e *event) *fault {
	const field = "data_processing_options"
	raw, ok := e.m[field]
	if !ok {
		return nil
	}
	list, isList := raw.([]any)
	if !isList || len(list) > 1 || len(list) == 1 && str(list[0]) != "LDU" {
		return invalid(field, `data_processing_options must be ["LDU"] or empty.`)
	}
	country, okC := whole(e.m[field+"_country"])
	state, okS := whole(e.m[field+"_state"])
	_, hasC := e.m[field+"_country"]
	_, hasS := e.m[field+"_state"]
	user, _ := e.m["user_data"].(map[string]any)
	_, hasIP := user["client_ip_address"]
	switch {
	case hasC && (!okC || country != 0 && country != 1):
		return invalid(field+"_country", "data_processing_options_country must be 0 or 1.")
	case hasS && (!okS || !meta.LimitedUsePlace(0, state)):
		return invalid(field+"_state", "data_processing_options_state is none of the listed states.")
	case len(list) == 0:
		return nil
	case !hasC || !hasS && (!hasIP || country != 0):
		return invalid(field, "Limited data use needs country and state.")
	}
	return nil
}

func appData(_ *judge, e *event) *fault {
	if str(e.m["action_source"]) != "app" {
		return nil
	}
	app, _ := e.m["app_data"].(map[string]any)
	if ext, _ := app["extinfo"].([]any); len(ext) != 16 {
		return &fault{subcode: 2804043, path: "app_data.extinfo"}
	}
	return nil
}

func messaging(_ *judge, e *event) *fault {
	if str(e.m["action_source"]) == "business_messaging" && str(e.m["messaging_channel"]) == "" {
		return &fault{subcode: 2804063, path: "messaging_channel"}
	}
	return nil
}

func otherMembers(_ *judge, e *event) *fault {
	for _, f := range meta.Members(meta.InConversions) {
		v, ok := e.m[f.Name]
		switch {
		case !ok || f.Name == "data_processing_options" || f.Name == "data_processing_options_country" || f.Name == "data_processing_options_state":
		case !shaped(f.Shape, v), f.Shape == meta.TextShape && str(v) == "":
			return invalid(f.Name, f.Name+" must be "+f.Shape.String()+".")
		}
	}
	if v, ok := e.m["customer_segmentation"]; ok && !slices.Contains(meta.Segmentations.Names, str(v)) {
		return invalid("customer_segmentation", "customer_segmentation is none of the listed values.")
	}
	original, _ := e.m["original_event_data"].(map[string]any)
	return originalEvent(original)
}

// shaped reports whether v has the JSON type that Meta expects.
func shaped(want meta.Shape, v any) (ok bool) {
	switch want {
	case meta.TextShape:
		_, ok = v.(string)
	case meta.NumberShape:
		_, ok = v.(json.Number)
	case meta.WholeShape:
		_, ok = whole(v)
	case meta.BoolShape:
		_, ok = v.(bool)
	case meta.ListShape:
		_, ok = v.([]any)
	case meta.ObjectShape:
		_, ok = v.(map[string]any)
	case meta.DeliveryShape:
		ok = slices.Contains(meta.Deliveries.Names, str(v))
	default:
		ok = true
	}
	return ok
}

// customData checks the standard members of custom_data; others can have any value.
func customData(_ *judge, e *event) *fault {
	raw, ok := e.m["custom_data"]
	if !ok {
		return nil
	}
	m, ok := raw.(map[string]any)
	if !ok {
		return invalid("custom_data", "custom_data must be an object.")
	}
	for _, f := range meta.CustomData() {
		if v, ok := m[f.Name]; ok && f.Name != "value" && !shaped(f.Shape, v) {
			return invalid("custom_data."+f.Name, f.Name+" must be "+f.Shape.String()+".")
		}
	}
	if v, ok := m["value"]; ok && v != nil {
		if sign, ok := amount(v); !ok || sign < 0 { // zero is legal (docs/meta.md 4.2, 9.18)
			return invalid("custom_data.value", "value must be a number of 0 or more.")
		}
	}
	if v, ok := m["num_items"]; ok {
		if n, ok := whole(v); !ok || n < 0 {
			return invalid("custom_data.num_items", "num_items must be a whole number.")
		}
	}
	if v, ok := m["content_type"]; ok && !slices.Contains(meta.ContentTypes.Names, str(v)) {
		return invalid("custom_data.content_type", "content_type must be product or product_group.")
	}
	return contentLists(m, "custom_data.", "item_price")
}

// contentLists checks content_ids and contents, in either format.
func contentLists(m map[string]any, at, price string) *fault {
	if v, ok := m["content_ids"]; ok {
		list, isList := v.([]any)
		if !isList || len(list) == 0 {
			return invalid(at+"content_ids", "content_ids must be a list that is not empty.")
		}
		for _, id := range list {
			if str(id) == "" {
				return invalid(at+"content_ids", "content_ids must hold texts.")
			}
		}
	}
	v, ok := m["contents"]
	if !ok {
		return nil
	}
	list, isList := v.([]any)
	if !isList {
		return invalid(at+"contents", "contents must be a list of objects.")
	}
	for _, raw := range list {
		item, isObject := raw.(map[string]any)
		if !isObject {
			return invalid(at+"contents", "contents must be a list of objects.")
		}
		if q, ok := item["quantity"]; ok {
			if sign, ok := amount(q); !ok || sign <= 0 {
				return invalid(at+"contents.quantity", "quantity must be a number above 0.")
			}
		}
		if d, ok := item["delivery_category"]; ok && !shaped(meta.DeliveryShape, d) {
			return invalid(at+"contents.delivery_category", "delivery_category is none of the listed values.")
		}
		if p, ok := item[price]; ok {
			if sign, ok := amount(p); !ok || sign < 0 {
				return invalid(at+"contents."+price, "the price of an item must be a number of 0 or more.")
			}
		}
	}
	return nil
}

func contentsID(_ *judge, e *event) *fault {
	return itemIDs(custom(e), "custom_data.contents")
}

func itemIDs(m map[string]any, at string) *fault {
	list, _ := m["contents"].([]any)
	for _, raw := range list {
		if item, _ := raw.(map[string]any); len(item) > 0 && str(item["id"]) == "" {
			return &fault{subcode: 2804008, path: at}
		}
	}
	return nil
}
