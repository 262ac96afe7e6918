package match

import (
	"testing"
	"time"

	"relay/mapper/fold"
)

// FuzzNormalise: no value makes a rule panic, and a normal form stays as it is
// when it is normalised again.
func FuzzNormalise(f *testing.F) {
	for _, s := range readSamples(f) {
		for k := range Count {
			if Table[k].Name == s.key {
				f.Add(int(k), s.raw, s.country)
			}
		}
	}
	today := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, key int, raw, country string) {
		k := Key(((key % int(Count)) + int(Count)) % int(Count))
		l := Locale{Country: normaliseCountry(country, nil).Form, Today: today}
		n := Normalise(k, raw, l, nil)
		x := Normalise(k, raw, l, &Trace{})
		if x.Form != n.Form || x.Code != n.Code || x.Hashed != n.Hashed {
			t.Fatalf("%s %q: %q (%s), explained as %q (%s)", Table[k].Name, raw, n.Form, n.Code, x.Form, x.Code)
		}
		if n.Form == "" || n.Hashed || caseSensitive[n.Form] {
			return
		}
		again := n.Form
		if k == Phone {
			again = "+" + again
		}
		if k == Zip && prefixed.MatchString(fold.Lower(fold.Clean(raw))) {
			return // the country in front, which may be another than the event's, is gone from the form
		}
		if m := Normalise(k, again, l, nil); m.Form != n.Form {
			t.Errorf("%s %q in %q: %q becomes %q", Table[k].Name, raw, country, n.Form, m.Form)
		}
	})
}
