package mapper

import (
	"testing"

	"relay/mapper/event"
)

// What traits say of the customer, in any of their forms, is found again in texts.
func TestTraitsAreFoundInTexts(t *testing.T) {
	const lists = `"firstName":["Adalyne","Boris"],"lastName":["Lovelacek","Kowalski"]`
	for _, x := range []struct {
		traits, memo string
		leaves       bool
	}{
		{lists, "Boris Kowalski", false},
		{lists, "table of Kowalski", false},
		{lists, "Adalyne Lovelacek", false},
		{lists, "Bertha Kowal", true},
		{`"name":["Ada Stone","Bob Rivers"]`, "Rivers, Bob", false},
		{`"customerName":"Adalyne Lovelacek"`, "for Adalyne Lovelacek", false},
		{`"strasse":"Hauptstr 5"`, "an Hauptstr 5 liefern", false},
		{`"adresse":"Hauptstr 5, Berlin"`, "Hauptstr 5, Berlin", false},
		{`"strasse":["Nebenweg 7","Hauptstr 5"]`, "Hauptstr. 5", false},
		{`"birthday":["1985-12-10"]`, "10 December 1985", false},
		{`"phone":["212 555 0147","212 555 0148"]`, "2125550148", false},
	} {
		_, c := sentOf(t, "", "m", x.traits, `"memo":`+event.Quote(x.memo))
		custom, _ := c["custom_data"].(map[string]any)
		if _, leaves := custom["memo"]; leaves != x.leaves {
			t.Errorf("traits %s: memo %q leaves: %v", x.traits, x.memo, leaves)
		}
	}
}

// That one text held several phones has a note, whether all of them are sent or not.
func TestSecondPhoneHasANote(t *testing.T) {
	for text, noted := range map[string]bool{
		"(212) 555-0147, (212) 555-0148":  true,
		"212-555-0147 / 212-555-0148":     true,
		"+12125550147 oder +12125550148":  true,
		"212-555-0147 / 555-014":          true,
		"212-555-0147":                    false,
		"+1 (212) 555-0147 ext. 12":       false,
		"mobile: 212-555-0147, evenings ": false,
	} {
		out, c := sentOf(t, "version: 1\ndefault_country: US\nevents: { Sale: '1' }\n", "m", `"phone":`+event.Quote(text), "")
		if user := c["user_data"].(map[string]any); user["ph"] == nil {
			t.Errorf("%q: no phone is sent", text)
		}
		found := false
		for _, n := range out.Notes {
			found = found || n.Code == "phone_several"
		}
		if found != noted {
			t.Errorf("%q: notes %v", text, out.Notes)
		}
	}
}
