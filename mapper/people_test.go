package mapper

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"relay/internal/meta"
	"relay/mapper/match"
	"relay/mapper/people"
)

var testSecret = bytes.Repeat([]byte{7}, 32)

// peopleOf returns the fingerprints of the people of an event with these members.
func peopleOf(t *testing.T, mapping, members string) []string {
	t.Helper()
	return mapOne(t, parseForKeys(t, mapping, WithSecret(testSecret)), `{"event":"E",`+members+`}`).People
}

// printsOf returns the fingerprints of the keys of these names, as a search for a person makes
// them.
func printsOf(secret []byte, names ...string) (prints []string) {
	for _, name := range names {
		for _, k := range people.KeysOf(name) {
			prints = append(prints, k.Fingerprint(secret))
		}
	}
	return prints
}

// TestPeople checks that all spellings of a person, in events and in searches, that have one hash
// at Meta have one fingerprint.
func TestPeople(t *testing.T) {
	email := func(json string) string { return `"context":{"traits":{"email":` + json + `}}` }
	phone := func(json string) string { return `"context":{"traits":{"phone":` + json + `}}` }
	user := func(json string) string { return `"userId":` + json }
	adaHash := match.SHA256("ada@example.com")
	for _, group := range []struct {
		name   string
		events []string
		asked  []string
	}{
		{
			"e-mail",
			[]string{
				email(`"ada@example.com"`), email(`" ADA@Example.COM "`), email(`"mailto:ada@example.com"`), email(`"Ada Lovelace <ada@example.com>"`),
				email(`"ada@exam\u200bple.com"`), email(`"\uff41da@example.com"`), email(`"ada@example.com."`), email(`"` + adaHash + `"`),
				email(`"` + strings.ToUpper(adaHash) + `"`), email(`["ada@example.com","Ada@example.com","` + adaHash + `"]`),
			},
			[]string{
				"ada@example.com", "ADA@EXAMPLE.COM", " ada@example.com ", "mailto:ada@example.com", "Ada Lovelace <ada@example.com>",
				"ada@exam\u200bple.com", "\uff41da@example.com", "ada@example.com.", adaHash, strings.ToUpper(adaHash),
			},
		},
		{
			"id",
			[]string{
				user(`4242`), user(`"4242"`), user(`4242.0`), user(`4.242e3`), user(`" 4242 "`), user(`"42\u200b42"`), user(`"` + match.SHA256("4242") + `"`),
				user(`"` + strings.ToUpper(match.SHA256("4242")) + `"`),
			},
			[]string{"4242", " 4242 ", "4242.0", "4.242e3", match.SHA256("4242"), strings.ToUpper(match.SHA256("4242"))},
		},
		{"id in letters", []string{user(`"Cust-7"`), user(`"Cust-7 "`)}, []string{"Cust-7", match.SHA256("Cust-7")}},
		{"id that is an address", []string{user(`"ada@example.com"`)}, []string{"ada@example.com", "Ada@Example.com", "Ada <ada@example.com>"}},
		{"phone", []string{phone(`"+1 212 555 0147"`), phone(`"001-212-555-0147"`), phone(`"` + match.SHA256("12125550147") + `"`)}, []string{"+1 (212) 555-0147", "+12125550147", match.SHA256("12125550147")}},
		{
			"lead",
			[]string{`"integrations":{"Facebook Offline Conversions":{"leadId":"l:123456"}}`, `"context":{"Facebook Conversions API":{"leadId":123456.0}}`},
			[]string{"123456", "l:123456", "L:123456"},
		},
	} {
		t.Run(group.name, func(t *testing.T) {
			var one []string
			for _, members := range group.events {
				for _, api := range []meta.API{meta.Conversions, meta.Offline} {
					got := peopleOf(t, "api: "+string(api)+"\n", members)
					if len(got) != 1 || len(got[0]) != 2*people.FingerprintBytes {
						t.Fatalf("%s: %q", members, got)
					}
					if one == nil {
						one = got
					}
					if got[0] != one[0] {
						t.Errorf("%s in %s is another person than %s", members, api, group.events[0])
					}
				}
			}
			for _, name := range group.asked {
				if !slices.Contains(printsOf(testSecret, name), one[0]) {
					t.Errorf("%q is not found", name)
				}
			}
			if slices.Contains(printsOf(testSecret, "somebody@example.com", "4243", "+1 212 555 0148", match.SHA256("somebody")), one[0]) {
				t.Error("found for somebody else")
			}
			if slices.Contains(printsOf([]byte("another installation"), group.asked...), one[0]) {
				t.Error("the same in another installation")
			}
		})
	}
}

func TestPeopleOfSeveralKeys(t *testing.T) {
	members := `"userId":"4242","properties":{"loyalty_card":"77-1"},"context":{"traits":{"email":["a@example.com","b@example.com"],"phone":"+1 212 555 0147","firstName":"Ada"}}`
	got := peopleOf(t, "match_keys: { external_id: [properties.loyalty_card] }\n", members)
	if len(got) != 4 {
		t.Fatalf("%q", got)
	}
	for _, name := range []string{"77-1", "a@example.com", "b@example.com", "+12125550147"} {
		found := slices.DeleteFunc(printsOf(testSecret, name), func(p string) bool { return !slices.Contains(got, p) })
		if len(found) != 1 {
			t.Errorf("%s: %q", name, found)
		}
	}
	if all := printsOf(testSecret, "4242", "Ada", "2125550147", "212 555 0147"); slices.ContainsFunc(all, func(p string) bool { return slices.Contains(got, p) }) {
		t.Error("found by what is no match key of the event")
	}
}

// Keys are kept apart: an address that is a userId is another fingerprint than
// the e-mail address.
func TestPeopleByKey(t *testing.T) {
	if got := peopleOf(t, "", `"userId":"ada@example.com","context":{"traits":{"email":"ada@example.com"}}`); len(got) != 2 || got[0] == got[1] {
		t.Errorf("%q", got)
	}
}

// Without a secret there are no fingerprints, and names that nobody has have
// none.
func TestNoPeople(t *testing.T) {
	for _, secret := range [][]byte{nil, {}} {
		if o := mapOne(t, parseForKeys(t, "", WithSecret(secret)), `{"event":"E","userId":"u"}`); o.Kind != Send || o.People != nil {
			t.Errorf("%s: %q", o.Kind, o.People)
		}
	}
	if got := printsOf(testSecret, "guest", "n/a", "", " ", match.SHA256(""), "noreply@example.com"); len(got) > 1 {
		t.Errorf("%q", got) // noreply@example.com may be somebody's userId
	}
	if got := peopleOf(t, "", `"userId":"guest","context":{"traits":{"email":"a@b@c","firstName":"Ada","lastName":"Lovelace"}}`); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// One mapping used by many goroutines gives everybody their own.
func TestPeopleTogether(t *testing.T) {
	m := parseForKeys(t, "", WithSecret(testSecret))
	done := make(chan string)
	for g := range 8 {
		go func() {
			bad := ""
			for i := range 200 {
				id := fmt.Sprintf("user-%d-%d", g, i)
				o := m.Map(Event{Body: fmt.Appendf(nil, `{"event":"E","userId":%q}`, id), MessageID: id, Received: keyTestNow}, keyTestNow)[0]
				if len(o.People) != 1 || !slices.Contains(printsOf(testSecret, id), o.People[0]) {
					bad = id
				}
			}
			done <- bad
		}()
	}
	for range 8 {
		if bad := <-done; bad != "" {
			t.Errorf("%s has somebody else's fingerprint", bad)
		}
	}
}
