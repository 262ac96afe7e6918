package match

import (
	"fmt"
	"testing"
)

// A memo says what Normalise and SumOf say, the first time and the next, whatever else it
// was asked; and keeps no more than its bound.
func TestMemo(t *testing.T) {
	var m Memo
	raws := []string{"", "San Francisco", "köln", "CA", "ca", "Bavaria", "94103", "SW1A 1AA", "0221", "US", "de", "n/a", "test", "a@x.example", "?", "Ada"}
	locales := []Locale{{}, {Country: "us"}, {Country: "de", Named: true}, {Named: true, DefaultCountry: "gb"}, {DefaultCountry: "us"}, {DefaultCountry: "de"}}
	for round := range 3 {
		for k := range Count {
			for _, raw := range raws {
				for _, l := range locales {
					got, want := m.Found(k, raw, l), Normalise(k, raw, l, nil)
					if fmt.Sprint(got.Value) != fmt.Sprint(want) || want.Form != "" && got.Sum != SumOf(k, want) {
						t.Fatalf("round %d: %s of %q in %+v: %+v, not %+v", round, Table[k].Name, raw, l, got, want)
					}
				}
			}
		}
		for i := range 3 * maxPlaces {
			m.Found(Zip, fmt.Sprint(10000+i), Locale{Country: "us"})
		}
	}
	if len(m.newer) > maxPlaces || len(m.older) > maxPlaces {
		t.Errorf("%d and %d places", len(m.newer), len(m.older))
	}
	for at := range m.newer {
		if !isPlace(at.key) {
			t.Errorf("%s is remembered", Table[at.key].Name)
		}
	}
}
