package personal

import "testing"

// FuzzTexts: whatever is read, nothing panics, and what is shown of a name or an
// id holds no address.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"+1 212 555 0147", ") 555 0147 (", "(0) 20 7946 0958", "ada@example.com", "kundenTelefon", "Ada Lovelace", "\xff\u0301", "１２"} {
		f.Add(s, "DE")
	}
	f.Fuzz(func(t *testing.T, text, region string) {
		HoldsPhone(text, region)
		Name(text, true, true)
		var p Person
		p.Name(text, region)
		p.Phrase(text)
		p.ID(region)
		if holds, _, _ := p.Holds(text); !holds && len(text) <= maxPartLen && len(appendFold(nil, text)) > 4*minPhrase {
			t.Errorf("%q is not found in itself", text)
		}
		for _, shown := range []string{ShowName(text), ShowID(text)} {
			if HoldsEmail(text) && shown == text {
				t.Errorf("%q is shown", text)
			}
		}
	})
}
