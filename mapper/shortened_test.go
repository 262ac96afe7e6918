package mapper

import (
	"slices"
	"strings"
	"testing"
)

// Ids that a spreadsheet has shortened would join what has nothing to do with each
// other.
func TestShortenedIDsStay(t *testing.T) {
	for _, c := range []struct {
		properties, members, path string
		want                      any
		note                      string
	}{
		{`,"order_id":"1.23457E+11"`, "", "order_id", nil, noteBadID},
		{`,"order_id":"1,23457E+11"`, "", "custom_data.order_id", nil, noteBadID},
		{`,"order_id":1.23457E+11`, "", "order_id", "123457000000", ""}, // a number is whole
		{`,"order_id":"1E11"`, "", "order_id", "1E11", ""},
		{`,"item_number":"9.1E+12"`, "", "item_number", nil, noteBadID},
		{`,"product_id":"4.00638E+12"`, "", "custom_data.content_ids", nil, noteBadID},
		{`,"products":[{"product_id":"4.00638E+12","price":1}]`, "", "custom_data.contents", nil, noteBadID},
		// What stands for none would make one sale look like a copy of another.
		{`,"order_id":"N/A"`, "", "order_id", nil, noteBadID},
		{`,"order_id":"undefined"`, "", "custom_data.order_id", nil, noteBadID},
		{`,"order_id":"[object Object]"`, "", "order_id", nil, noteBadID},
		{`,"order_id":"{{order.id}}"`, "", "order_id", nil, noteBadID},
		{`,"order_id":0`, "", "order_id", nil, noteBadID},
		{`,"order_id":"--"`, "", "order_id", nil, noteBadID},
		{`,"item_number":"null"`, "", "item_number", nil, noteBadID},
		{`,"item_number":0`, "", "item_number", "0", ""}, // the first line
		{`,"order_id":"A"`, "", "order_id", "A", ""},
		{"", `,"userId":"1.23457E+11"`, "user_data.external_id", nil, "external_id_invalid"},
	} {
		conv, o := mapped(t, "", c.properties, c.members)
		if got := valueAt(conv, c.path); got != c.want {
			t.Errorf("%s%s: %s is %v, want %v", c.properties, c.members, c.path, got, c.want)
		}
		if c.note != "" && !slices.Contains(codes(o), c.note) {
			t.Errorf("%s%s: notes %v, want %s", c.properties, c.members, codes(o), c.note)
		}
	}
}

// valueAt is what stands at a path of a conversion, dots between; nil when nothing does.
func valueAt(conv map[string]any, path string) any {
	var v any = conv
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}
