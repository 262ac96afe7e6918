package person

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// findable reports whether the names have one of the event's tokens.
func findable(m *Matcher, body string) bool {
	have := NewTokenizer().Of([]byte(body))
	return slices.ContainsFunc(m.Tokens(), func(t string) bool { return slices.Contains(have, t) })
}

// What Event finds is found by match keys or tokens, except for what Tokenizer.Of leaves out.
// Neighbours are not found.
func TestTokens(t *testing.T) {
	m := parseMapping(t, "default_country: US\nmatch_keys: { external_id: [userId, properties.card] }\n")
	old := parseMapping(t, "match_keys: { external_id: [properties.old_card] }\n")
	leftOut := []string{
		`{"properties":{"note":"card 77-1"}}`,   // no letter
		`{"properties":{"note":"it was kim."}}`, // no digit
		`{"properties":{"note":"(co-op)."}}`,
	}
	found := 0
	for _, c := range everybody {
		match := NewMatcher(names(t, c.line), m, old)
		for _, e := range c.is {
			sent := match.matchKeys([]byte(e), noon)
			switch has := findable(match, e); {
			case !strings.HasPrefix(e, "{") || !json.Valid([]byte(e)):
			case slices.Contains(leftOut, e) && !has:
			case !has && !sent:
				t.Errorf("tokens do not find %s in %s: %q", c.line, e, NewTokenizer().Of([]byte(e)))
			case has:
				found++
			}
		}
		for _, e := range c.not {
			if findable(match, e) {
				t.Errorf("tokens find %s in %s: %q", c.line, e, NewTokenizer().Of([]byte(e)))
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d events found by tokens", found)
	}
}

// An event with only names of things, prices and times has no tokens. An event with too many
// tokens keeps those of its people.
func TestTokensAreBounded(t *testing.T) {
	of := func(body string) []string { return NewTokenizer().Of([]byte(body)) }
	if got := of(`{"type":"track","event":"Order Completed","timestamp":"2026-01-31T12:00:00Z","properties":{"revenue":1999,"currency":"USD","products":[{"product_id":"sku-77a1","sku":"77-AB12","name":"Shirt","price":19.99,"quantity":2}]}}`); len(got) > 0 {
		t.Errorf("unexpected tokens %q", got)
	}
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, "word%d ", i)
	}
	got := of(fmt.Sprintf(`{"properties":{"note":"%s ada@x.example"},"userId":"U-7"}`, b.String()))
	if len(got) != maxTokens || !slices.Contains(got, "wu-7") || !slices.Contains(got, "wada@x.example") {
		t.Errorf("%d tokens: %q", len(got), got)
	}
}

// A Tokenizer with cached names and texts returns what a new one returns.
func TestTokensOfKnownTexts(t *testing.T) {
	known := NewTokenizer()
	for range 2 {
		for _, c := range everybody {
			for _, text := range append(slices.Concat(c.is, c.not), c.line) {
				for _, under := range []string{"note", "product_name", "userId", "phone", "email", "traits"} {
					body := fmt.Appendf(nil, `{%q:{%q:%q,"list":[%q]}}`, under, text, text, text)
					if got, want := known.Of(body), NewTokenizer().Of(body); !slices.Equal(got, want) {
						t.Fatalf("Of(%s) = %q, want %q", body, got, want)
					}
				}
			}
		}
	}
}

// The caches are bounded, whatever comes.
func TestTokensOfManyTexts(t *testing.T) {
	known := NewTokenizer()
	for i := range 3 * maxNames {
		known.Of(fmt.Appendf(nil, `{"name%d":"text %d a%d@x.example","title":"%s"}`, i, i, i, strings.Repeat("x", i%(2*maxText))))
	}
	if n := len(known.c.names); n > maxNames {
		t.Errorf("%d cached names", n)
	}
	for _, m := range known.c.texts {
		if n := m.Len(); n > 2*maxTexts {
			t.Errorf("%d cached texts", n)
		}
	}
	long := NewTokenizer()
	long.Of(fmt.Appendf(nil, `{"title":"a1@x.example %s"}`, strings.Repeat("x", maxText)))
	if n := long.c.texts[0].Len() + long.c.texts[1].Len(); n != 0 {
		t.Errorf("%d cached texts over the size limit", n)
	}
	if got := known.Of([]byte(`{"name1":"text 1 a1@x.example"}`)); !slices.Equal(got, []string{"wa1@x.example", "wname1"}) {
		t.Errorf("%q", got)
	}
}

func BenchmarkTokens(b *testing.B) {
	body := []byte(`{"type":"track","event":"Order Completed","messageId":"m-8241-2231","userId":"u-90412","timestamp":"2026-01-31T12:00:00Z","context":{"ip":"203.0.113.7","userAgent":"till/4.1","traits":{"email":"ada@x.example","phone":"+1 212 555 0147","firstName":"Ada","address":{"city":"Springfield","postalCode":"90210"}}},"properties":{"order_id":"A-1001-22","revenue":39.95,"currency":"USD","products":[{"product_id":"sku-77a1","name":"Shirt","price":19.99,"quantity":2}]}}`)
	t := NewTokenizer()
	for b.Loop() {
		t.Of(body)
	}
}

// The advertising id of a phone is sent to Meta unhashed, and identifies its owner.
func TestTokensOfAdvertisingIDs(t *testing.T) {
	const id = "38400000-8cf0-11bd-b23e-10b96e40000d"
	match := NewMatcher(names(t, strings.ToUpper(id)))
	for body, want := range map[string]bool{
		`{"context":{"device":{"advertisingId":"` + id + `"}}}`: true, `{"context":{"device":{"advertising_id":"` + strings.ToUpper(id) + `"}}}`: true,
		`{"context":{"idfa":"` + id + `"}}`: true, `{"properties":{"madid":"` + id + `"}}`: true,
		`{"context":{"device":{"advertisingId":"` + id + `-2"}}}`: false,
	} {
		if findable(match, body) != want {
			t.Errorf("wrong result for %s: tokens %q", body, NewTokenizer().Of([]byte(body)))
		}
	}
}

// A phone number in a text is kept as its digits, and found in each way to dial it. The same
// digits in another country are another person's.
func TestTokensOfPhones(t *testing.T) {
	for _, c := range []struct {
		mapping, line string
		is, not       []string
	}{
		{
			"default_country: DE\n", "+49 171 1234567",
			[]string{`"phone":"0171 1234567"`, `"phone":"+49 (0)171 1234567"`, `"phone":"0049 171 1234567"`, `"phone":491711234567`, `"note":"Tel. 0171/123 45 67"`, `"note":"+49-171-1234567"`, `"userId":"01711234567"`},
			[]string{`"phone":"0171 12345678"`, `"phone":"+44 171 1234567"`, `"note":"+171 1234567"`, `"phone":"1234567"`, `"phone":"0049 171 1234568"`, `"userId":"71711234567"`},
		},
		{"default_country: DE\n", "0171 1234567", []string{`"phone":"+49 171 1234567"`, `"note":"0171-1234567"`}, []string{`"phone":"+44 171 1234567"`}},
		{
			"default_country: US\n", "2125550147",
			[]string{`"phone":"+1 212 555 0147"`, `"phone":"1-212-555-0147"`, `"note":"(212) 555-0147"`, `"userId":12125550147`},
			[]string{`"note":"+212 555 0147"`, `"phone":"212 555 01470"`, `"phone":"3125550147"`},
		},
		{"", "+33 6 12 34 56 78", []string{`"phone":"+33612345678"`, `"note":"+33 (0)6.12.34.56.78"`, `"phone":"0033612345678"`}, []string{`"phone":"06 12 34 56 78"`}}, // the country of the last one is unknown
		{"default_country: HU\n", "+36 20 123 4567", []string{`"phone":"06 20 123 4567"`, `"phone":"20 123 4567"`}, []string{`"phone":"0620 123 45678"`}},
	} {
		match := NewMatcher(names(t, c.line), parseMapping(t, c.mapping))
		for i, all := range [][]string{c.not, c.is} {
			for _, members := range all {
				if body := "{" + members + "}"; findable(match, body) != (i == 1) {
					t.Errorf("%s in %s: tokens of the event %q, of the name %q", c.line, body, NewTokenizer().Of([]byte(body)), match.Tokens())
				}
			}
		}
	}
}
