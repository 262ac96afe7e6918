package people

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relay/mapper/match"
)

// sha returns the value of a Key whose normal form is form.
func sha(form string) string { return match.SHA256(form) }

// The names under which a clerk looks for a customer, and the keys that an event about that
// customer can have. A name with several meanings gives a key for each.
func TestKeysOf(t *testing.T) {
	email := func(form string) Key { return Key{"email", sha(form)} }
	phone := func(form string) Key { return Key{"phone", sha(form)} }
	id := func(form string) Key { return Key{"external_id", sha(form)} }
	lead := func(digits string) Key { return Key{"lead_id", digits} }
	for _, c := range []struct {
		name      string
		countries []string
		want      []Key
	}{
		{"ada@example.com", nil, []Key{email("ada@example.com"), id("ada@example.com")}},
		// As copied from a mail client. The shop could use the text as its customer id.
		{"Ada <ADA@example.com>", nil, []Key{email("ada@example.com"), id("Ada <ADA@example.com>"), id("ada@example.com")}},
		// Meta hashes the domain as it was typed, so both spellings are possible.
		{"ada@münchen.example", nil, []Key{
			email("ada@münchen.example"), email("ada@xn--mnchen-3ya.example"), id("ada@münchen.example"), id("ada@xn--mnchen-3ya.example"),
		}},
		{"+1 (212) 555-0147", nil, []Key{phone("12125550147"), id("+1 (212) 555-0147")}},
		// Digits alone can be a customer number, a lead id or, in the shop's country, a phone number.
		{"2125550147", nil, []Key{id("2125550147"), lead("2125550147")}},
		{"2125550147", []string{"us"}, []Key{id("2125550147"), lead("2125550147"), phone("12125550147")}},
		{"2125550147", []string{"US", "", "ca"}, []Key{id("2125550147"), lead("2125550147"), phone("12125550147")}},
		// A mapping without default_country reads a number with 00, 011 or a country code.
		{"0044 20 7946 0958", []string{""}, []Key{id("0044 20 7946 0958"), phone("442079460958")}},
		{"12125550147", []string{""}, []Key{id("12125550147"), lead("12125550147"), phone("12125550147")}},
		{"2125550147", []string{""}, []Key{id("2125550147"), lead("2125550147")}},
		{"030 901820", []string{"de", "at"}, []Key{id("030 901820"), phone("4930901820"), phone("4330901820")}},
		{"cust-4711", nil, []Key{id("cust-4711")}},
		{"Cust-4711 ", nil, []Key{id("Cust-4711")}}, // trimmed, but Meta compares ids with their case
		// JSON does not distinguish these numbers; an event has the shortest.
		{"4242.0", nil, []Key{id("4242.0"), id("4242"), lead("4242")}},
		{"4.242e3", nil, []Key{id("4.242e3"), id("4242")}},
		{"1e999", nil, []Key{id("1e999")}}, // no event has so large a number
		{"+ada@example.com", nil, []Key{email("+ada@example.com"), id("+ada@example.com")}},
		{"l:123456789012345", nil, []Key{id("l:123456789012345"), lead("123456789012345")}},
		// A hash does not reveal which key it is of.
		{sha("cust-4711"), nil, []Key{{"email", sha("cust-4711")}, {"phone", sha("cust-4711")}, {"external_id", sha("cust-4711")}}},
		{strings.ToUpper(sha("cust-4711")), nil, []Key{{"email", sha("cust-4711")}, {"phone", sha("cust-4711")}, {"external_id", sha("cust-4711")}}},
		// Placeholders are no one's: a search for them must not match every cash sale.
		{"walk-in customer", nil, nil},
		{"", nil, nil},
		{"N/A", []string{"us"}, nil},
		{"noemail@example.com", nil, []Key{id("noemail@example.com")}},
	} {
		t.Run(fmt.Sprintf("%s %v", c.name, c.countries), func(t *testing.T) {
			if d := cmp.Diff(c.want, KeysOf(c.name, c.countries...)); d != "" {
				t.Errorf("keys (-want +got)\n%s", d)
			}
		})
	}
}

// A phone number is searched for as people write it: after a plus sign with the country code,
// or as dialled in the shop's countries.
func TestDialledOf(t *testing.T) {
	for _, c := range []struct {
		name                 string
		countries            []string
		international, local []string
	}{
		{"+49 171 1234567", []string{"DE"}, []string{"491711234567", "4901711234567"}, []string{"491711234567", "011491711234567", "1711234567", "01711234567"}},
		{"0171 1234567", []string{"de"}, []string{"491711234567", "4901711234567"}, []string{"491711234567", "011491711234567", "1711234567", "01711234567"}},
		// A foreign number is dialled with its country code only.
		{"+49 171 1234567", []string{"US"}, []string{"491711234567", "4901711234567"}, []string{"491711234567", "011491711234567"}},
		{"cust-4711", []string{"DE"}, nil, nil},
		{sha("491711234567"), []string{"DE"}, nil, nil}, // a hash has no digits
		{"0171 1234567", nil, nil, nil},
	} {
		international, local := DialledOf(c.name, c.countries...)
		if !slices.Equal(international, c.international) || !slices.Equal(local, c.local) {
			t.Errorf("%s in %v: international %v, local %v; want %v, %v", c.name, c.countries, international, local, c.international, c.local)
		}
	}
	// Two countries with the same reading list it once.
	if international, _ := DialledOf("+49 171 1234567", "DE", "AT"); len(international) != 2 {
		t.Errorf("two countries: %v", international)
	}
}

var (
	secret = bytes.Repeat([]byte{7}, 32)
	other  = bytes.Repeat([]byte{8}, 32)
)

func fingerprintOf(t *testing.T, k match.Key, raw string) string {
	t.Helper()
	v := match.Normalise(k, raw, match.Locale{}, nil)
	if v.Form == "" {
		t.Fatalf("%s: %s", raw, v.Why)
	}
	return string(NewFingerprinter(secret).Append(nil, k, v.Form, match.SumOf(k, v)))
}

// The receipts find a person by the fingerprint of any spelling, and of the hash that a till
// sends in place of it.
func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		key       match.Key
		spellings []string
	}{
		{match.Email, []string{"ada@example.com", " Ada@Example.com", "mailto:ada@example.com", sha("ada@example.com")}},
		{match.Phone, []string{"+12125550147", "+1 (212) 555-0147", "001 212 555 0147", sha("12125550147")}},
		{match.ExternalID, []string{"cust-4711", "cust-4711 ", sha("cust-4711")}},
		{match.LeadID, []string{"123456789012345", "l:123456789012345", "123456789012345.0"}},
	} {
		want := fingerprintOf(t, c.key, c.spellings[0])
		if len(want) != 2*FingerprintBytes || strings.Trim(want, "0123456789abcdef") != "" {
			t.Errorf("%q is not a fingerprint of %d bytes in hex", want, FingerprintBytes)
		}
		for _, spelling := range c.spellings {
			if got := fingerprintOf(t, c.key, spelling); got != want {
				t.Errorf("%s: fingerprint %s, of %s %s", spelling, got, c.spellings[0], want)
			}
			found := slices.ContainsFunc(KeysOf(spelling, ""), func(k Key) bool { return k.Fingerprint(secret) == want })
			if !found {
				t.Errorf("%s: KeysOf has no key with the fingerprint of the event", spelling)
			}
		}
	}
}

// Fingerprints of different people, keys or installations must differ.
func TestFingerprintsDiffer(t *testing.T) {
	of := map[string]string{
		"an address":                     Key{"email", sha("ada@example.com")}.Fingerprint(secret),
		"another address":                Key{"email", sha("bob@example.com")}.Fingerprint(secret),
		"the address as a customer id":   Key{"external_id", sha("ada@example.com")}.Fingerprint(secret),
		"the address, of another secret": Key{"email", sha("ada@example.com")}.Fingerprint(other),
		"a lead":                         Key{"lead_id", "123456789012345"}.Fingerprint(secret),
		"another lead":                   Key{"lead_id", "123456789012346"}.Fingerprint(secret),
	}
	seen := map[string]string{}
	for name, print := range of {
		if twin, ok := seen[print]; ok || print == "" {
			t.Errorf("%s and %s have the fingerprint %q", name, twin, print)
		}
		seen[print] = name
	}
	if got := (Key{"gender", sha("f")}).Fingerprint(secret); got == "" {
		t.Error("no fingerprint for a match key that does not identify a person")
	}
	if got := (Key{"shoe_size", "42"}).Fingerprint(secret); got != "" {
		t.Errorf("fingerprint %q for an unknown match key", got)
	}
}

// Receipts are stored for months and ids are compared by Meta, so these values must not change.
func TestStoredFormsDoNotChange(t *testing.T) {
	for _, c := range []struct{ what, got, want string }{
		{"fingerprint of an address", Key{"email", sha("ada@example.com")}.Fingerprint(secret), "cb7b04f624d254bfcfdc5f14"},
		{"fingerprint of a lead", Key{"lead_id", "123456789012345"}.Fingerprint(secret), "64ca090c6e3c5eb36a25cc82"},
		{"keyed id", KeyedID(secret, "order of ada@example.com"), "e5de3d0cdedcc59c42d6381f802c9eecaa118fa97166636879ab90b3ec8dc395"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
	if KeyedID(secret, "a") == KeyedID(other, "a") || KeyedID(secret, "a") == KeyedID(secret, "b") {
		t.Error("keyed ids of different secrets or ids are equal")
	}
}

// AppendKey keeps one Key for the spellings of a value, and none for a value that was rejected.
func TestAppendKey(t *testing.T) {
	var keys []Key
	for _, raw := range []string{"ada@example.com", "ADA@example.com", sha("ada@example.com"), "N/A", "bob@example.com"} {
		keys = AppendKey(keys, match.Email, match.Normalise(match.Email, raw, match.Locale{}, nil))
	}
	if want := []Key{{"email", sha("ada@example.com")}, {"email", sha("bob@example.com")}}; !slices.Equal(keys, want) {
		t.Errorf("%v, want %v", keys, want)
	}
}
