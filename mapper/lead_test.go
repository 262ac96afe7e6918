package mapper

import (
	"slices"
	"testing"
)

// A lead id that is not as long as Meta's would have Meta refuse the stage.
func TestLeadIDOfAStage(t *testing.T) {
	const stage = "events: { Order Completed: { to: '1', preset: crm_lead, custom_data: { set: { lead_event_source: { const: CRM } } } } }\n"
	for id, sent := range map[string]bool{"123456789012345": true, "l:1234567890123456": true, "12345678901234567": true, "12345678901234": false, "123456789012345678": false, "7": false} {
		c, o := mapped(t, stage, "", `,"integrations":{"Facebook Offline Conversions":{"leadId":"`+id+`"}}`)
		if got := c["user_data"].(map[string]any)["lead_id"] != nil; got != sent || slices.Contains(codes(o), noteLeadLength) == sent {
			t.Errorf("%s: sent %t, notes %v", id, got, codes(o))
		}
		for _, k := range o.Keys {
			if k.Key == "lead_id" && (k.State == KeySent) != sent {
				t.Errorf("%s: %+v", id, k)
			}
		}
		if c, _ := mapped(t, "", "", `,"integrations":{"Facebook Offline Conversions":{"leadId":"`+id+`"}}`); c["user_data"].(map[string]any)["lead_id"] == nil {
			t.Errorf("%s: left out of a sale", id)
		}
	}
}
