package match

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlaceCache checks that the cache returns the results of Normalise and SumOf, before and
// after entries are dropped, and remembers only places.
func TestPlaceCache(t *testing.T) {
	c := NewPlaceCache()
	raws := []string{"", "San Francisco", "köln", "CA", "ca", "Bavaria", "94103", "SW1A 1AA", "0221", "US", "de", "n/a", "test", "a@x.example", "?", "Ada"}
	locales := []Locale{{}, {Country: "us"}, {Country: "de", CountryGiven: true}, {CountryGiven: true, DefaultCountry: "gb"}, {DefaultCountry: "us"}, {DefaultCountry: "de"}}
	for round := range 3 {
		for k := range Count {
			for _, raw := range raws {
				for _, l := range locales {
					got, want := c.Normalise(k, raw, l), Normalise(k, raw, l, nil)
					if fmt.Sprint(got.Value) != fmt.Sprint(want) || want.Form != "" && got.Sum != SumOf(k, want) {
						t.Fatalf("round %d: %s of %q in %+v: %+v, not %+v", round, Table[k].Name, raw, l, got, want)
					}
				}
			}
		}
		for i := range 3 * maxPlaces {
			c.Normalise(Zip, fmt.Sprint(10000+i), Locale{Country: "us"})
		}
	}
	c = NewPlaceCache()
	for k := range Count {
		before := c.places.Len()
		c.Normalise(k, "Ada", Locale{})
		c.Normalise(k, strings.Repeat("a", maxPlaceLen+1), Locale{})
		if added := c.places.Len() - before; isPlace(k) != (added == 1) {
			t.Errorf("%s: %d entries are remembered", Table[k].Name, added)
		}
	}
}
