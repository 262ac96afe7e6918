package mapper

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relay/internal/meta"
	"relay/mapper/match"
)

var keyTestNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// mapOne maps an event with one route.
func mapOne(t *testing.T, m *Mapping, event string) Outcome {
	t.Helper()
	outs := m.Map(Event{Body: []byte(event), MessageID: "m", Received: keyTestNow}, keyTestNow)
	if len(outs) != 1 {
		t.Fatalf("%d outcomes of %s", len(outs), event)
	}
	return outs[0]
}

func parseForKeys(t testing.TB, more string, opts ...ParseOption) *Mapping {
	t.Helper()
	m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { E: \"701000000000001\" }\n"+more), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestKeys: what Outcome.Keys says of one key, in both formats where they
// differ.
func TestKeys(t *testing.T) {
	sent := func(values int, source string) KeyResult {
		return KeyResult{State: KeySent, Values: values, Source: source}
	}
	unusable := func(source, code string) KeyResult { return KeyResult{State: KeyUnusable, Source: source, Code: code} }
	missing := KeyResult{}
	hash := match.SHA256("anything")
	for _, c := range []struct {
		name, mapping, event string // the members behind "event"
		key                  string
		conversions, offline KeyResult
	}{
		{"sent", "", `"context":{"traits":{"email":"a@example.com"}}`, "email", sent(1, "context.traits.email"), sent(1, "context.traits.email")},
		{"no source", "", `"context":{"traits":{"email":"a@example.com"}}`, "phone", missing, missing},
		{"null", "", `"userId":"u","context":{"traits":{"email":null}}`, "email", missing, missing},
		{"blank", "", `"userId":"u","context":{"traits":{"email":"  "}}`, "email", missing, missing},
		{"nothing but what nobody sees", "", `"userId":"u","context":{"traits":{"email":"\u200b"}}`, "email", missing, missing},
		{"empty list", "", `"userId":"u","context":{"traits":{"email":[]}}`, "email", missing, missing},
		{"no address", "", `"userId":"u","context":{"traits":{"email":"ada@@example.com"}}`, "email", unusable("context.traits.email", "email_invalid"), unusable("context.traits.email", "email_invalid")},
		{"placeholder", "", `"userId":"guest"`, "external_id", unusable("userId", "external_id_placeholder"), unusable("userId", "external_id_placeholder")},
		{"no country", "", `"userId":"u","context":{"traits":{"phone":"212-555-0147"}}`, "phone", unusable("context.traits.phone", "phone_no_country"), unusable("context.traits.phone", "phone_no_country")},
		{"an object", "", `"userId":"u","context":{"traits":{"email":{"a":"b"}}}`, "email", unusable("context.traits.email", "not_text"), unusable("context.traits.email", "not_text")},
		{"a number", "", `"userId":4242`, "external_id", sent(1, "userId"), sent(1, "userId")},
		{"hashed", "", `"context":{"traits":{"email":"` + hash + `"}}`, "email", sent(1, "context.traits.email"), sent(1, "context.traits.email")},
		{"hash of nothing", "", `"userId":"u","context":{"traits":{"email":"` + match.SHA256("") + `"}}`, "email", unusable("context.traits.email", "email_placeholder"), unusable("context.traits.email", "email_placeholder")},
		{"list", "", `"context":{"traits":{"email":["bad","a@example.com","b@example.com"]}}`, "email", sent(2, "context.traits.email[1]"), sent(2, "context.traits.email[1]")},
		{"list of one person", "", `"context":{"traits":{"email":["a@example.com","A@example.com"]}}`, "email", sent(1, "context.traits.email[0]"), sent(1, "context.traits.email[0]")},
		{"more than the offline format takes", "", `"context":{"traits":{"email":["a@example.com","b@example.com","c@example.com","d@example.com"]}}`, "email", sent(4, "context.traits.email[0]"), sent(3, "context.traits.email[0]")},
		{"list without a usable one", "", `"userId":"u","context":{"traits":{"email":["bad",{},"n/a"]}}`, "email", unusable("context.traits.email[0]", "email_invalid"), unusable("context.traits.email[0]", "email_invalid")},
		{"list of ids", "", `"userId":["u","v"],"context":{"traits":{"email":"a@example.com"}}`, "external_id", sent(2, "userId[0]"), sent(1, "userId[0]")},
		{"second source", "match_keys: { email: [properties.mail, context.traits.email] }\n", `"context":{"traits":{"email":"a@example.com"}}`, "email", sent(1, "context.traits.email"), sent(1, "context.traits.email")},
		{"first source is unusable", "match_keys: { email: [properties.mail, context.traits.email] }\n", `"properties":{"mail":"none"},"context":{"traits":{"email":"a@example.com"}}`, "email", sent(1, "context.traits.email"), sent(1, "context.traits.email")},
		{"no source is usable", "match_keys: { email: [properties.mail, context.traits.email] }\n", `"userId":"u","properties":{"mail":"none"},"context":{"traits":{"email":"a@b@c"}}`, "email", unusable("properties.mail", "email_placeholder"), unusable("properties.mail", "email_placeholder")},
		{"mapped elsewhere", "match_keys: { external_id: [properties.loyalty_card] }\n", `"userId":"u","properties":{"loyalty_card":"77-1"}`, "external_id", sent(1, "properties.loyalty_card"), sent(1, "properties.loyalty_card")},
		{"mapped away", "match_keys: { email: [] }\n", `"userId":"u","context":{"traits":{"email":"a@example.com"}}`, "email", missing, missing},
		{"constant", "match_keys: { country: [{ const: US }] }\n", `"userId":"u"`, "country", sent(1, "constant"), sent(1, "constant")},
		{"expression", "match_keys: { external_id: [{ expr: properties.a + properties.b }] }\n", `"properties":{"a":"x","b":"y"}`, "external_id", sent(1, "expr"), sent(1, "expr")},
		{"expression that fails", "match_keys: { external_id: [{ expr: properties.a + 1 }] }\n", `"properties":{"a":"x"}`, "external_id", unusable("expr", "expression"), unusable("expr", "expression")},
		{"part of a name", "", `"userId":"u","context":{"traits":{"name":"Ada"}}`, "first_name", sent(1, "context.traits.name"), sent(1, "context.traits.name")},
		{"the part a name lacks", "", `"userId":"u","context":{"traits":{"name":"Ada"}}`, "last_name", missing, missing},
		{"default country", "default_country: US\n", `"userId":"u","context":{"traits":{"address":{"city":"Springfield"}}}`, "country", sent(1, "default_country"), sent(1, "default_country")},
		{"default country beside no address", "default_country: US\n", `"userId":"u"`, "country", missing, missing},
		{"unknown country", "default_country: US\n", `"userId":"u","context":{"traits":{"address":{"city":"Springfield","country":"Atlantis"}}}`, "country", unusable("context.traits.address.country", "country_unknown"), unusable("context.traits.address.country", "country_unknown")},
		{"lead id", "", `"integrations":{"Facebook Offline Conversions":{"leadId":"l:42"}}`, "lead_id", sent(1, `integrations["Facebook Offline Conversions"].leadId`), sent(1, `integrations["Facebook Offline Conversions"].leadId`)},
		{"birth date", "match_keys: { date_of_birth: [context.traits.birthday] }\n", `"userId":"u","context":{"traits":{"birthday":"1997-02-16"}}`, "date_of_birth", sent(1, "context.traits.birthday"), sent(1, "context.traits.birthday")},
		{"hashed birth date", "match_keys: { date_of_birth: [context.traits.birthday] }\n", `"userId":"u","context":{"traits":{"birthday":"` + hash + `"}}`, "date_of_birth", sent(1, "context.traits.birthday"), unusable("context.traits.birthday", "hashed_date")},
	} {
		t.Run(c.name, func(t *testing.T) {
			for api, want := range map[meta.API]KeyResult{meta.Conversions: c.conversions, meta.Offline: c.offline} {
				o := mapOne(t, parseForKeys(t, "api: "+string(api)+"\n"+c.mapping), `{"event":"E",`+c.event+`}`)
				if len(o.Keys) != len(KeyNames()) {
					t.Fatalf("%d keys", len(o.Keys))
				}
				for i, name := range KeyNames() {
					if o.Keys[i].Key != name {
						t.Fatalf("key %d is %s, want %s", i, o.Keys[i].Key, name)
					}
				}
				got := o.Keys[slices.Index(KeyNames(), c.key)]
				if (got.Why != "") != (got.State == KeyUnusable) {
					t.Errorf("%s: why: %q", api, got.Why)
				}
				got.Key, got.Why = "", ""
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("%s: %s (-want +got):\n%s", api, c.key, d)
				}
			}
		})
	}
}

// Keys of each outcome stay as they were, whatever is mapped later with the
// same room, and to another format.
func TestKeysAreOfTheirOutcome(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte(`version: 1
event_sets: { old: { id: "702", api: offline } }
match_keys: { date_of_birth: [context.traits.birthday] }
events: { E: ["701", old] }
`))
	if err != nil {
		t.Fatal(err)
	}
	birth := slices.Index(KeyNames(), "date_of_birth")
	email := slices.Index(KeyNames(), "email")
	var all [][]Outcome
	for i := range 50 {
		body := fmt.Sprintf(`{"event":"E","userId":"u","context":{"traits":{"birthday":%q,"email":"a@example.com"}}}`, match.SHA256(fmt.Sprint("day ", i)))
		if i%2 == 1 {
			body = `{"event":"E","userId":"u","context":{"traits":{"email":"none"}}}`
		}
		all = append(all, m.Map(Event{Body: []byte(body), MessageID: "m", Received: keyTestNow}, keyTestNow))
	}
	for i, outs := range all {
		want := [][2]KeyState{{KeySent, KeySent}, {KeyUnusable, KeySent}}
		if i%2 == 1 {
			want = [][2]KeyState{{KeyMissing, KeyUnusable}, {KeyMissing, KeyUnusable}}
		}
		if len(outs) != 2 {
			t.Fatal(outs)
		}
		for j, o := range outs {
			if got := [2]KeyState{o.Keys[birth].State, o.Keys[email].State}; got != want[j] {
				t.Errorf("event %d, %s: %v, want %v", i, o.API, got, want[j])
			}
		}
	}
}

// An event that is skipped or held as a whole has no keys, because none were made.
func TestNoKeysOfTheWhole(t *testing.T) {
	m := parseForKeys(t, "", WithSecret([]byte("s")))
	for _, body := range []string{`{"event":"Unknown","userId":"u"}`, `{"event":"E","userId":"u","integrations":{"All":false}}`, `[]`} {
		if o := mapOne(t, m, body); o.Keys != nil || o.People != nil {
			t.Errorf("%s: %v %v", body, o.Keys, o.People)
		}
	}
	held := mapOne(t, m, `{"event":"E","context":{"traits":{"email":"a@b"}}}`)
	if held.Kind != Hold || held.Keys[slices.Index(KeyNames(), "email")].State != KeyUnusable {
		t.Errorf("%s %s: %v", held.Kind, held.Reason, held.Keys)
	}
}

// TestKeysCostNothing: telling what became of the keys takes no memory of its
// own for each event.
func TestKeysCostNothing(t *testing.T) {
	m, _, err := Parse("mapping.yaml", []byte(benchmarkMapping))
	if err != nil {
		t.Fatal(err)
	}
	ev := Event{Body: []byte(benchmarkEvent), Received: keyTestNow}
	last := m.Map(ev, keyTestNow)[0].Keys
	shared := 0
	for range 100 {
		keys := m.Map(ev, keyTestNow)[0].Keys
		if &keys[0] == &last[0] {
			shared++
		}
		last = keys
	}
	if shared < 30 { // a pool gives other room now and then, and often when races are looked for
		t.Errorf("%d of 100 events share what became of their keys", shared)
	}
}
