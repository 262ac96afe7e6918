package admin

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// Mask returns an event's body with every value that could be personal
// replaced by its shape: letters become a or A, digits 9, the rest stays, so
// that "+1 (555) 010-0199" reads "+9 (999) 999-9999" and somebody can see what
// is wrong with a phone number without seeing the number. What is shown as it
// is comes from a list; a property nobody has thought of is masked. A body
// that is not JSON is not shown at all.
func Mask(body []byte) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return json.RawMessage(`"(not JSON: not shown)"`)
	}
	out, err := json.Marshal(maskValue(v, "", nil))
	if err != nil {
		return json.RawMessage(`"(cannot be shown)"`)
	}
	return out
}

// shown are the keys whose scalar values are not personal, by the object they
// are in. A "name" in properties or products is a product's; in traits it is
// somebody's.
var shown = map[string]map[string]bool{
	"": set("type event messageId timestamp originalTimestamp sentAt receivedAt channel version All all"),
	"properties": set("order_id checkout_id product_id sku currency revenue value price total subtotal tax shipping discount coupon " +
		"quantity category brand variant name position list_id affiliation payment_method shipping_method step store_id register_id " +
		"amount gratuity"),
	"products":     set("product_id sku category name brand variant price quantity coupon position currency"),
	"library":      set("name version"),
	"integrations": set("All all"),
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// maskValue masks v, which is at key of the object named in.
func maskValue(v any, in string, path []string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			switch e.(type) {
			case map[string]any, []any:
				out[maskKey(k)] = maskValue(e, k, append(path, k))
			default:
				if plain(in, k, path) && !looksPersonal(k, e) {
					out[maskKey(k)] = e
				} else {
					out[maskKey(k)] = shape(e)
				}
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = maskValue(e, in, path)
		}
		return out
	default:
		return shape(v)
	}
}

// plain reports whether the scalar at k of the object named in, which lies at
// path, may be shown. The lists hold only where the spec puts these objects.
func plain(in, k string, path []string) bool {
	where := strings.Join(path, ".")
	switch where {
	case "", "properties", "integrations":
		return shown[in][k]
	case "properties.products", "products":
		return shown["products"][k]
	case "context.library":
		return shown["library"][k]
	}
	return strings.HasPrefix(where, "context.consent") && len(path) <= 3
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

// maskKey hides a key that is itself a value (an e-mail address as key).
func maskKey(k string) string {
	if strings.Contains(k, "@") || len(k) > 100 {
		return shapeText(k)
	}
	return k
}

func shape(v any) any {
	switch v := v.(type) {
	case string:
		return shapeText(v)
	case json.Number:
		return shapeText(v.String())
	default:
		return v // null, true, false
	}
}

func shapeText(s string) string {
	const most = 80
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteRune('…')
			break
		}
		switch {
		case unicode.IsDigit(r) || unicode.IsNumber(r):
			b.WriteByte('9')
		case unicode.IsUpper(r):
			b.WriteByte('A')
		case unicode.IsLetter(r) || unicode.IsMark(r):
			b.WriteByte('a')
		case r > unicode.MaxASCII && !unicode.IsPunct(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
