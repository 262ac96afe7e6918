package personal

import "testing"

func TestAddressesOfMachines(t *testing.T) {
	for text, want := range map[string]bool{
		"203.0.113.7": true, "203.0.113.7:8080": true, "from 203.0.113.7, till 4": true, "203.0.113.7, 198.51.100.1": true, "2001:db8::7:1": true, "[2001:db8::7:1]:443": true,
		"２０３.0.113.7": true,
		"1.2.3":       false, "1.2.3.4.5": false, "20.11.2026 16:00:27": false, "16:00:27:05": false, "aa:bb:cc:dd:ee:ff": false, "1.234.567,50": false, "Module::Class::x": false,
		"300.1.1.1": false,
	} {
		if got := HoldsIP(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestAccountsInTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"DE89370400440532013000": true, "IBAN DE89 3704 0044 0532 0130 00, thanks": true, "gb82 west 1234 5698 7654 32": true,
		"4242 4242 4242 4242": true, "card 4242-4242-4242-4242": true, "3782 822463 10005": true,
		"DE89370400440532013001": false, "4242 4242 4242 4243": false, "4242424242424242": false, // bare digits may be an order's
		"1234 5678 9012 3456": false, "AB12 order 2026112016": false,
	} {
		if got := HoldsAccount(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

// hasAccountPrefix lets through whatever one of the forms finds.
func FuzzAccountBegins(f *testing.F) {
	for _, s := range []string{"GB29 NWBK 6016 1331 9268 19", "x4111 1111 1111 1111", "3782-822463-10005", "12DE89370400440532013000", "_DE8937040044", "2026-11-27T10:00:00.123Z", "aaDE89 3704 0044 05"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if (ibanForm.MatchString(s) || cardForm.MatchString(s)) && !hasAccountPrefix(s) {
			t.Errorf("%q", s)
		}
	})
}
