package mapper

import (
	"slices"
	"strings"
	"testing"

	"relay/mapper/match"
	"relay/mapper/people"
)

// meet says whether the mapping makes the same match key of a name and of an
// event.
func meet(m *Mapping, name, event string) bool {
	in, country := m.KeysIn(Event{Body: []byte(event), Received: keyTestNow})
	return slices.ContainsFunc(people.KeysOf(name, append(m.Countries(), country)...), func(k people.Key) bool { return slices.Contains(in, k) })
}

// TestKeysOfPerson: a name and an event meet where Meta would see one hash,
// however either is spelled.
func TestKeysOfPerson(t *testing.T) {
	const mapping = "default_country: US\nmatch_keys: { external_id: [userId, properties.loyalty_card] }\n"
	traits := func(json string) string { return `{"event":"E","context":{"traits":` + json + `}}` }
	for _, c := range []struct {
		name, event string
		want        bool
	}{
		{"kim@example.com", traits(`{"email":"mailto:KIM@example.com"}`), true},
		{"Kim Roe <kim@example.com>", traits(`{"email":"kim@example.com."}`), true},
		{"kim@example.com", traits(`{"email":["a@example.com","kim@example.com"]}`), true},
		{"kim@example.com", traits(`{"email":"` + strings.ToUpper(match.SHA256("kim@example.com")) + `"}`), true},
		{"kim@example.com", traits(`{"email":"boakim@example.com"}`), false},
		{"kim@example.com", `{"event":"Not mapped","integrations":{"All":false},"context":{"traits":{"email":"kim@example.com"}}}`, true},
		{"kim@example.com", `{"type":"identify","context":{"traits":{"email":"kim@example.com"}}}`, true},
		{"kim@bücher.example", traits(`{"email":"Kim@xn--bcher-kva.example"}`), true},
		{"kim@xn--bcher-kva.example", traits(`{"email":"kim@BÜCHER.example"}`), true},
		{"kim@xn--bcher-kva.example", traits(`{"email":"` + match.SHA256("kim@bücher.example") + `"}`), true},
		{"kim@xn--bcher-kva.example", `{"event":"E","userId":"kim@bücher.example"}`, true},
		{"kim@bucher.example", traits(`{"email":"kim@bücher.example"}`), false},
		{"415-555-0142", traits(`{"phone":"+1 (415) 555-0142"}`), true},
		{"+14155550142", traits(`{"phone":"4155550142"}`), true},
		{"4155550142", traits(`{"phone":4155550142}`), true},
		{"0171 1234567", traits(`{"phone":"+49 171 1234567","address":{"country":"DE"}}`), true},
		{"+49 171 1234567", traits(`{"phone":"0171 1234567","address":{"country":"Germany"}}`), true},
		{"0171 1234567", traits(`{"phone":"+44 171 1234567"}`), false},
		{"77-1", `{"event":"E","userId":"u","properties":{"loyalty_card":"77-1"}}`, false}, // userId comes first
		{"77-1", `{"event":"E","properties":{"loyalty_card":" 77-1"}}`, true},
		{"4242", `{"event":"E","userId":4242.0}`, true},
		{"4.242e3", `{"event":"E","userId":4242}`, true},
		{"l:123456", `{"event":"E","integrations":{"Facebook Offline Conversions":{"leadId":"123456"}}}`, true},
		{"4155550142", `{"event":"E","userId":"4155550142"}`, true},
		{"Kim", traits(`{"firstName":"Kim"}`), false},
		{"kim@example.com", `[1]`, false},
		{"kim@example.com", `{"event":"E","context":[],"properties":7}`, false},
		{"", `{"event":"E"}`, false},
	} {
		if got := meet(parseForKeys(t, mapping), c.name, c.event); got != c.want {
			t.Errorf("%s and %s meet: %v, want %v", c.name, c.event, got, c.want)
		}
	}
}

// KeysIn returns every key that Map sends, with the same fingerprint.
func TestKeysInSaysWhatMapSends(t *testing.T) {
	m := parseForKeys(t, "default_country: US\n", WithSecret(testSecret))
	event := `{"event":"E","userId":"u-1","integrations":{"Facebook Conversions API":{"leadId":77}},` +
		`"context":{"traits":{"email":["a@example.com","b@example.com"],"phone":"415-555-0142","firstName":"Kim"}}}`
	keys, country := m.KeysIn(Event{Body: []byte(event), Received: keyTestNow})
	if len(keys) != 5 || country != "" {
		t.Fatalf("%v, country %q", keys, country)
	}
	var prints []string
	for _, k := range keys {
		prints = append(prints, k.Fingerprint(testSecret))
	}
	if got := mapOne(t, m, event).People; !slices.Equal(prints, got) {
		t.Errorf("fingerprints %q, want %q", prints, got)
	}
	if (people.Key{Key: "first_name", Value: "x"}).Fingerprint(testSecret) == "" || (people.Key{Key: "nothing"}).Fingerprint(testSecret) != "" {
		t.Error("a key that nobody knows has a fingerprint")
	}
}
