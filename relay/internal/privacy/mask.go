package privacy

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"relay/mapper/personal"
)

// Mask returns an event's body with every possibly personal value replaced by its shape:
// letters become a or A, digits 9, everything else stays. "+1 (555) 010-0199" becomes
// "+9 (999) 999-9999", which shows what is wrong with a phone number but not the number.
// Only listed keys are shown unchanged; an unknown property is masked, and so are keys,
// names and ids that could identify a person. A body that is not JSON is not shown at all.
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

// plainKeys lists, by enclosing object, the keys whose scalar values are not personal:
// numbers, codes, times. personal.ShowID decides which of their texts are shown.
var plainKeys = map[string]map[string]bool{
	"": wordSet("type timestamp originalTimestamp sentAt receivedAt channel version All all"),
	"properties": wordSet("currency revenue value price total subtotal tax shipping discount quantity position payment_method shipping_method step " +
		"amount gratuity"),
	"products":     wordSet("price quantity position currency"),
	"library":      wordSet("name version"),
	"integrations": wordSet("All all"),
}

// idKeys lists, by enclosing object, the keys that hold the shop's ids.
var idKeys = map[string]map[string]bool{
	"":           wordSet("messageId"),
	"properties": wordSet("order_id checkout_id product_id sku store_id register_id list_id"),
	"products":   wordSet("product_id sku"),
}

// wordKeys lists, by enclosing object, the keys that hold the shop's own words. A text is
// shown if all its words are known.
var wordKeys = map[string]map[string]bool{
	"":           wordSet("event"),
	"properties": wordSet("category brand variant name coupon affiliation"),
	"products":   wordSet("category brand variant name coupon"),
}

func wordSet(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// maskValue masks v, which is at path.
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

// maskScalar masks the scalar under key k of the object at path.
func maskScalar(v any, k string, path []string) any {
	text, isText := v.(string)
	switch in, where := listFor(path); {
	case plainKeys[in][k] && where && !looksPersonal(k, v):
		if !isText || numericKeys[k] || in == "library" {
			return v
		}
		return personal.ShowID(text)
	case isText && where && idKeys[in][k]:
		return personal.ShowID(text)
	case isText && where && wordKeys[in][k]:
		return personal.ShowName(text)
	}
	return shape(v)
}

// listFor returns the list that applies to the object at path, or false if none does. A
// list applies only where the Segment spec puts its object.
func listFor(path []string) (string, bool) {
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

// numericKeys are plain keys that hold an amount or a count. Any other value in them is a
// mistake and can be anything.
var numericKeys = wordSet("revenue value price total subtotal tax shipping discount quantity position step amount gratuity currency")

// looksPersonal reports a personal value under a harmless key: an e-mail address, or words
// where an amount or a currency belongs.
func looksPersonal(k string, v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	return strings.Contains(s, "@") || numericKeys[k] && countLetters(s) > 3
}

func countLetters(s string) (n int) {
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// maskKey masks a key that could itself be a value: one with unknown words.
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

// ShowEvent returns the name of an event as lists, the stream and the support bundle show it:
// unchanged if mapped (the mapping names it), otherwise masked unless all its words are known.
func ShowEvent(name string, mapped bool) string {
	if mapped && !personal.HoldsEmail(name) {
		return name
	}
	return personal.ShowName(name)
}
