package rules

import (
	"slices"
	"strings"
	"testing"

	"relay/internal/strictyaml"
)

// Keys of the mapping and of the long form with values that cannot be meant.
func TestMemberMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"order_id_at: top", `"top" is not one of both, event, custom_data`},
		{"upload_tag: 'a {order}'", "only contain the placeholders {store} and {date}"},
		{"upload_tag: 'a {store'", "only contain the placeholders {store} and {date}"},
		{"store: { store_code: properties.s }", `unknown key "store_code"`},
		{"store: { code: [] }", "names no source"},
		{"opt_out: maybe.not\nopt_out: true", "opt_out"},
		{"opt_out: 5", "neither true nor false"},
		{"customer_segmentation: { const: gold }", `"gold" is not one of Meta's values`},
		{"action_source: shop", `"shop" is not one of`},
		{"action_source: { const: shop }", `"shop" is not one of`},
		{"match_keys: { lead_id: { all: [properties.a] } }", "lead_id has one value"},
		{"match_keys: { external_id: { all: [] } }", "names no source"},
		{"contents: [brand, colour]", `"colour" is not one of`},
		{"contents: [brand, brand]", "is listed twice"},
		{"events: { A: { to: '1', preset: crm } }", `"crm" is not one of crm_lead`},
		{"events: { A: { to: '1', preset: crm_lead, action_source: chat } }", "crm_lead sets action_source"},
		{"events: { A: { to: '1', preset: crm_lead, custom_data: { set: { event_source: { const: x } } } } }", "crm_lead sets custom_data.event_source"},
		{"original_event_data: { order: properties.o }", "order"},
	} {
		_, _, err := Parse("mapping.yaml", []byte("version: 1\n"+c.text+"\n"))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
}

// Meta expects the name of the CRM with each stage of a lead.
func TestPresetWarnsOfTheCRM(t *testing.T) {
	for text, warned := range map[string]bool{
		"events: { A: { to: '1', preset: crm_lead } }":                                                              true,
		"custom_data: { set: { lead_event_source: { const: CRM } } }\nevents: { A: { to: '1', preset: crm_lead } }": false,
	} {
		_, warnings, err := Parse("mapping.yaml", []byte("version: 1\ndefault_country: US\n"+text+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.ContainsFunc(warnings, func(p strictyaml.Problem) bool { return strings.Contains(p.Message, "name of the CRM") }); got != warned {
			t.Errorf("%s: %v", text, warnings)
		}
	}
}
