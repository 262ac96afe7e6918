package match

import (
	"strings"
	"testing"
	"time"

	"relay/mapper/fold"
)

// latinSamples calls f with every short text of runes that the quick ways
// treat, and the runes around them.
func latinSamples(f func(string)) {
	for a := range rune(0x260) {
		f(string(a))
		f(" x" + string(a) + "Y ")
		for b := rune(0x7e); a >= 0xa0 && a < 0x182 && b < 0x182; b++ {
			f(string(a) + string(b))
		}
	}
	for _, s := range []string{"\xc3", "\xc3x", "\xc4\xff", "caf\xc3\xa9", "MÃ¼ller", "Ãœber", "é\u0301", "A\u030a", "Straße", "DŽ", "Škoda", "\u2122", "İstanbul"} {
		f(s)
	}
}

// TestPlainLatin: what is taken for plain is text that no rule for words changes.
func TestPlainLatin(t *testing.T) {
	bad := 0
	latinSamples(func(s string) {
		if !fold.IsPlainLatin(s) || bad > 20 {
			return
		}
		if d := repairMojibake(s); d != s {
			t.Errorf("plain %q is mended to %q", s, d)
			bad++
		}
		if u := tradeMarks.Replace(s); u != s {
			t.Errorf("plain %q has a trade mark", s)
			bad++
		}
	})
}

// FuzzQuickKeys: the quick ways, which are taken when nobody asks how a value
// came about, give what the long ways give.
func FuzzQuickKeys(f *testing.F) {
	words := []string{
		"jane", "DOE", "Mr", "dr", "de", "heer", "van", "Test", "customer", "PhD", "MBA", "na", "NaN", "n", "a", "x", "xx", "aaa", "None", "and",
		"mary", "No", "name", "first", "Esq", "de heer", "cedex", "bezirk", "CA", "New", "York", "esquire", "MA", "o", "guest", "sir",
	}
	for _, a := range words {
		f.Add(a)
		for _, b := range words {
			f.Add(a + " " + b)
			f.Add(" " + a + " " + b + " jones ")
			f.Add(a + "." + b + "@" + b + ".com")
			f.Add(a + "@" + b + "." + a)
		}
	}
	for i, s := range readSamples(f) {
		if s.key != "phone" || i%8 == 0 { // those have a test of their own
			f.Add(strings.Trim(s.raw, `"`))
		}
	}
	for _, s := range []string{
		"test@test.com", "user@domain.com", "noreply+1@example.com", "x@x.xx", "a@b.invalid", "foo@bar.test", "0@0.co", "bounce+x@example.com",
		"test1@gmail.com", "na@na.com", "a@b.c1", "a--b@c.de", "a@-b.de", "a@b-.de", "a@b_c.de", "name@no.name", "Ünal", "josé maría",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 1000 {
			return
		}
		for _, country := range []string{"", "us", "de"} {
			l := Locale{Country: country, CountryGiven: country != "", Today: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
			for k := range Count {
				quick, long := Normalise(k, raw, l, nil), Normalise(k, raw, l, &Trace{})
				if quick.Form != long.Form || quick.Code != long.Code || quick.Hashed != long.Hashed || quick.Original != long.Original || quick.Why != long.Why {
					t.Errorf("%s %q in %q: %+v, the long way %+v", Table[k].Name, raw, country, quick, long)
				}
			}
		}
	})
}
