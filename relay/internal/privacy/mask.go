package privacy

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"relay/mapper/personal"
)

// Mask returns an event's body with every value that could be personal
// replaced by its shape: letters become a or A, digits 9, the rest stays, so
// that "+1 (555) 010-0199" reads "+9 (999) 999-9999" and somebody can see what
// is wrong with a phone number without seeing the number. What is shown as it
// is comes from a list; a property nobody has thought of is masked, and so are
// keys, names and ids that may be somebody's. A body
// that is not JSON is not shown at all.
func Mask(body []byte) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return json.RawMessage(`"(not JSON: not shown)"`)
	}
	out, err := json.Marshal(maskValue(v, nil))
	if err != nil {
		return json.RawMessage(`"(cannot be shown)"`)
	}
	return out
}

// shown are the keys whose scalar values are not personal, by the object they
// are in: numbers, codes, times. Ids are shown as personal.ShowID shows them.
var shown = map[string]map[string]bool{
	"": set("type timestamp originalTimestamp sentAt receivedAt channel version All all"),
	"properties": set("currency revenue value price total subtotal tax shipping discount quantity position payment_method shipping_method step " +
		"amount gratuity"),
	"products":     set("price quantity position currency"),
	"library":      set("name version"),
	"integrations": set("All all"),
}

// ids are the keys that hold ids of the shop's, by the object they are in.
var ids = map[string]map[string]bool{
	"":           set("messageId"),
	"properties": set("order_id checkout_id product_id sku store_id register_id list_id"),
	"products":   set("product_id sku"),
}

// names are the keys that hold words of the shop's: a text of nothing but known
// words is shown.
var names = map[string]map[string]bool{
	"":           set("event"),
	"properties": set("category brand variant name coupon affiliation"),
	"products":   set("category brand variant name coupon"),
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// maskValue masks v, which lies at path.
func maskValue(v any, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			switch e.(type) {
			case map[string]any, []any:
				out[maskKey(k)] = maskValue(e, append(path, k))
			default:
				out[maskKey(k)] = maskScalar(e, k, path)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = maskValue(e, path)
		}
		return out
	default:
		return shape(v)
	}
}

// maskScalar masks the scalar at k of the object that lies at path.
func maskScalar(v any, k string, path []string) any {
	text, isText := v.(string)
	switch in, where := placeOf(path); {
	case shown[in][k] && where && !looksPersonal(k, v):
		if !isText || numeric[k] || in == "library" {
			return v
		}
		return personal.ShowID(text)
	case isText && where && ids[in][k]:
		return personal.ShowID(text)
	case isText && where && names[in][k]:
		return personal.ShowName(text)
	}
	return shape(v)
}

// placeOf names the list that holds for an object; false: none does. They hold
// only where the spec puts these objects.
func placeOf(path []string) (string, bool) {
	switch strings.Join(path, ".") {
	case "":
		return "", true
	case "properties", "integrations":
		return path[0], true
	case "properties.products", "products":
		return "products", true
	case "context.library":
		return "library", true
	}
	return "", false
}

// numeric are shown keys that hold an amount or a count; anything else in
// them is somebody's mistake, and may be anything.
var numeric = set("revenue value price total subtotal tax shipping discount quantity position step amount gratuity currency")

// looksPersonal catches personal values under harmless names: an address, or
// words where an amount or a currency belongs.
func looksPersonal(k string, v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	return strings.Contains(s, "@") || numeric[k] && letters(s) > 3
}

func letters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// maskKey hides a key that may itself be a value: one that is not made of known
// words.
func maskKey(k string) string { return personal.ShowName(k) }

func shape(v any) any {
	switch v := v.(type) {
	case string:
		return personal.Shape(v)
	case json.Number:
		return personal.Shape(v.String())
	default:
		return v // null, true, false
	}
}

// ShowEvent is the name of an event as lists, the stream and the support bundle
// show it: whole where the mapping knows it, which is what mapped says.
func ShowEvent(name string, mapped bool) string {
	if mapped && !personal.HoldsEmail(name) {
		return name
	}
	return personal.ShowName(name)
}
