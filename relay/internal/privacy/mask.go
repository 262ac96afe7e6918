package privacy

import (
	"bytes"
	"encoding/json"
	"regexp"
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
	in, ok := listFor(path)
	text, isText := v.(string)
	switch n, isNumber := v.(json.Number); {
	case !ok:
	case plainKeys[in][k] && (isText || isNumber):
		if isNumber {
			text = n.String()
		}
		if showPlain(in, k, text) {
			return v
		}
	case plainKeys[in][k]:
		return v // null, true, false
	case isText && idKeys[in][k]:
		return personal.ShowID(text)
	case isText && wordKeys[in][k]:
		return personal.ShowName(text)
	}
	return shape(v)
}

// maxPlainDigits is how many digits a word or a version has at most under a plain key. More could
// be the number of a phone, a card or an account.
const maxPlainDigits = 6

// showPlain reports whether text, a text or number under plain key k of list in, is shown
// unchanged: it must look like the kind of value that belongs there.
func showPlain(in, k, text string) bool {
	switch {
	case strings.Contains(text, "@"):
		return false
	case in == "library":
		return true
	case numericKeys[k]:
		return isAmount(text)
	case !timeKeys[k] && countDigits(text) > maxPlainDigits:
		return false
	}
	return personal.ShowID(text) == text
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

// numericKeys are plain keys that hold an amount, a count or a currency. Any other value in them
// is a mistake and can be anything.
var numericKeys = wordSet("revenue value price total subtotal tax shipping discount quantity position step amount gratuity currency")

// timeKeys are plain keys that hold a time.
var timeKeys = wordSet("timestamp originalTimestamp sentAt receivedAt")

// isAmount reports whether text looks like an amount, a count or a currency: at most three
// letters, at most ten digits before the decimals, and nothing that phone numbers have but
// amounts do not: + ( or a dash between digits.
func isAmount(text string) bool {
	whole := text
	if i := strings.LastIndexAny(text, ".,"); i >= 0 {
		whole = text[:i]
	}
	return countDigits(whole) <= 10 && countLetters(text) <= 3 && !strings.ContainsAny(text, "+(") && !dashedDigits.MatchString(text)
}

var dashedDigits = regexp.MustCompile(`[0-9] ?- ?[0-9]`)

func countDigits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
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
