package sandbox

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/bojanz/currency"

	"relay/internal/meta"
)

// offlineRules are the rules of the legacy format, as far as Meta's own client
// and other clients show them. The official page was not available (docs/meta.md
// 0, "Gap to know about").
var offlineRules = []rule{
	{"event members are known", "docs/meta.md 2.4 (I: unknown ones are refused)", offlineMembers},
	{"event_name is one of 18", "docs/meta.md 2.4, 4.1 (C)", offlineName},
	{"event_time is there, whole Unix seconds", "docs/meta.md 2.4 (C)", eventTime},
	{"event is not older than 730 days", "docs/meta.md 2.4, 5.2 (C)", offlineOld},
	{"event is not in the future", "docs/meta.md 2.4, 5.2 (C)", inFuture},
	{"match_keys is an object of known keys, at least one", "docs/meta.md 2.4, 3.1 (C, T)", matchKeys},
	{"contact data is hashed", "docs/meta.md 3.1 (C), 3.4 (O)", matchHashed},
	{"email and phone have at most 3 values", "docs/meta.md 3.2 (C)", matchCount},
	{"lead_id is a positive integer", "docs/meta.md 3.1 (C), 6.5 (T)", matchLead},
	{"other keys have their form", "docs/meta.md 3.1 (C)", matchPlain},
	{"Purchase has a value", "docs/meta.md 2.4 (C)", offlinePurchaseValue},
	{"Purchase has a currency", "docs/meta.md 2.4 (C)", offlinePurchaseCurrency},
	{"value and currency come together", "docs/meta.md 2.4 (C)", offlineValueCurrency},
	{"value is a number above 0", "docs/meta.md 2.4 (C)", offlineValue},
	{"currency is an ISO 4217 code", "docs/meta.md 2.4 (C)", offlineCurrency},
	{"contents items have an id", "docs/meta.md 2.4 (C)", offlineContentsID},
	{"contents and content_ids have their types", "docs/meta.md 2.4 (C)", offlineContents},
	{"content_type is text or a list of texts", "docs/meta.md 2.4 (C)", offlineContentType},
	{"item_number needs order_id, both text", "docs/meta.md 2.4 (C, M)", offlineOrder},
	{"custom_data is an object", "docs/meta.md 2.4 (C)", offlineCustom},
	{"limited data use is complete", "docs/meta.md 2.4, 8.3 (C, M)", limitedUse},
}

var (
	offlineEventMembers = members(meta.InOffline)
	// offlineNames: the standard names and Other (docs/meta.md 4.1).
	offlineNames = names(append(slices.Clone(meta.StandardEvents.Names), "Other")...)
	offlineHash  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func offlineMembers(_ *judge, e *event) *fault {
	if unknown(e.m, offlineEventMembers) != "" {
		return invalid("", "The event has a member that is no parameter of offline events.")
	}
	return nil
}

func offlineName(_ *judge, e *event) *fault {
	if !offlineNames[str(e.m["event_name"])] {
		return server("event_name", "event_name must be one of the listed names.")
	}
	return nil
}

func offlineOld(j *judge, e *event) *fault {
	if at, _ := whole(e.m["event_time"]); at < j.now.Add(-meta.OfflineAge).Unix() {
		return &fault{subcode: meta.EventTooOld, path: "event_time"}
	}
	return nil
}

func match(e *event) map[string]any {
	m, _ := e.m["match_keys"].(map[string]any)
	return m
}

func matchKeys(_ *judge, e *event) *fault {
	m := match(e)
	if len(m) == 0 {
		return &fault{subcode: 2804050, path: "match_keys"}
	}
	for k := range m {
		if _, known := matchedKeys[k]; !known {
			return invalid("match_keys", "match_keys has a member that is no match key.")
		}
	}
	return nil
}

func matchHashed(_ *judge, e *event) *fault {
	return hashed(match(e), matchedKeys, "match_keys.", offlineHash)
}

func matchCount(_ *judge, e *event) *fault {
	m := match(e)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if list, _ := textList(m[k]); matchedKeys[k].Most > 0 && len(list) > matchedKeys[k].Most {
			return invalid("match_keys."+k, fmt.Sprintf("%s may have %d values at most.", k, matchedKeys[k].Most))
		}
	}
	return nil
}

func matchLead(_ *judge, e *event) *fault { return leadIn(match(e), "match_keys.lead_id") }

func matchPlain(_ *judge, e *event) *fault {
	if v, ok := match(e)["extern_id"]; ok && strings.TrimSpace(str(v)) == "" {
		return invalid("match_keys.extern_id", "extern_id must be text.")
	}
	return plainIn(match(e), matchedKeys, "match_keys.")
}

func offlinePurchaseValue(_ *judge, e *event) *fault {
	if e.m["event_name"] == "Purchase" && e.m["value"] == nil {
		return &fault{subcode: 2804009, path: "value"}
	}
	return nil
}

func offlinePurchaseCurrency(_ *judge, e *event) *fault {
	if e.m["event_name"] == "Purchase" && str(e.m["currency"]) == "" {
		return &fault{subcode: 2804010, path: "currency"}
	}
	return nil
}

func offlineValueCurrency(_ *judge, e *event) *fault {
	_, hasV := e.m["value"]
	_, hasC := e.m["currency"]
	switch {
	case hasV && !hasC:
		return &fault{subcode: 2804023, path: "currency"}
	case hasC && !hasV:
		return invalid("value", "A currency needs a value.")
	}
	return nil
}

func offlineValue(_ *judge, e *event) *fault {
	if v, ok := e.m["value"]; ok {
		if sign, ok := amount(v); !ok || sign <= 0 {
			return invalid("value", "value must be a number above 0.")
		}
	}
	return nil
}

func offlineCurrency(_ *judge, e *event) *fault {
	if v, ok := e.m["currency"]; ok && !currency.IsValid(str(v)) {
		return invalid("currency", "currency must be an ISO 4217 code.")
	}
	return nil
}

func offlineContentsID(_ *judge, e *event) *fault { return itemIDs(e.m, "contents") }

func offlineContents(_ *judge, e *event) *fault {
	if f := contentLists(e.m, "", "price"); f != nil {
		return f
	}
	list, _ := e.m["contents"].([]any)
	for _, raw := range list {
		item, _ := raw.(map[string]any)
		if p, ok := item["price"]; ok {
			if sign, _ := amount(p); sign <= 0 {
				return invalid("contents.price", "the price of an item must be above 0.")
			}
		}
		if _, ok := item["item_price"]; ok {
			return invalid("contents.item_price", "the price of an item is called price here.")
		}
	}
	return nil
}

func offlineContentType(_ *judge, e *event) *fault {
	v, ok := e.m["content_type"]
	if !ok {
		return nil
	}
	list, isText := textList(v)
	if !isText || len(list) == 0 || list[0] == "" {
		return invalid("content_type", "content_type must be text or a list of texts.")
	}
	return nil
}

func offlineOrder(_ *judge, e *event) *fault {
	order, hasOrder := e.m["order_id"]
	item, hasItem := e.m["item_number"]
	switch {
	case hasOrder && str(order) == "":
		return invalid("order_id", "order_id must be text.")
	case hasItem && str(item) == "":
		return invalid("item_number", "item_number must be text.")
	case hasItem && !hasOrder:
		return invalid("order_id", "item_number needs an order_id.")
	}
	return nil
}

func offlineCustom(_ *judge, e *event) *fault {
	if v, ok := e.m["custom_data"]; ok {
		if _, isObject := v.(map[string]any); !isObject {
			return invalid("custom_data", "custom_data must be an object.")
		}
	}
	return nil
}
