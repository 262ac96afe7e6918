package person

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// findable says whether the tokens of an event are among those of the names.
func findable(m *Matcher, body string, by Keys) bool {
	have := NewTokenizer().Of([]byte(body), by)
	return slices.ContainsFunc(m.Tokens(), func(t string) bool { return slices.Contains(have, t) })
}

// TestTokens: what is found in an event is found by its match keys or by its tokens, but
// for what Tokenizer.Of leaves out; and no neighbour is.
func TestTokens(t *testing.T) {
	m := parseMapping(t, "default_country: US\nmatch_keys: { external_id: [userId, properties.card] }\n")
	old := parseMapping(t, "match_keys: { external_id: [properties.old_card] }\n")
	leftOut := []string{
		`{"properties":{"note":"card 77-1"}}`,   // no letter
		`{"properties":{"note":"it was kim."}}`, // no digit
		`{"properties":{"note":"(co-op)."}}`,
	}
	found := 0
	for _, c := range people {
		match := NewMatcher(names(t, c.line), m, old)
		for _, e := range c.is {
			sent := match.keys([]byte(e), noon)
			switch has := findable(match, e, m); {
			case !strings.HasPrefix(e, "{") || !json.Valid([]byte(e)):
			case slices.Contains(leftOut, e) && !has:
			case !has && !sent:
				t.Errorf("%s is not found in %s: %q", c.line, e, NewTokenizer().Of([]byte(e), m))
			case has:
				found++
			}
		}
		for _, e := range c.not {
			if findable(match, e, m) {
				t.Errorf("%s is found in %s: %q", c.line, e, NewTokenizer().Of([]byte(e), m))
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d found", found)
	}
}

// An event of nothing but names of things, prices and times has no tokens; one with more
// than fit has those of its people.
func TestTokensAreBounded(t *testing.T) {
	of := func(body string) []string { return NewTokenizer().Of([]byte(body), nil) }
	if got := of(`{"type":"track","event":"Order Completed","timestamp":"2026-01-31T12:00:00Z","properties":{"revenue":1999,"currency":"USD","products":[{"product_id":"sku-77a1","sku":"77-AB12","name":"Shirt","price":19.99,"quantity":2}]}}`); len(got) > 0 {
		t.Errorf("%q", got)
	}
	var b bytes.Buffer
	for i := range 1000 {
		fmt.Fprintf(&b, "word%d ", i)
	}
	got := of(fmt.Sprintf(`{"properties":{"note":"%s ada@x.example"},"userId":"U-7"}`, b.String()))
	if len(got) != MaxTokens || !slices.Contains(got, "wu-7") || !slices.Contains(got, "wada@x.example") {
		t.Errorf("%d: %q", len(got), got)
	}
}

func BenchmarkTokens(b *testing.B) {
	body := []byte(`{"type":"track","event":"Order Completed","messageId":"m-8241-2231","userId":"u-90412","timestamp":"2026-01-31T12:00:00Z","context":{"ip":"203.0.113.7","userAgent":"till/4.1","traits":{"email":"ada@x.example","phone":"+1 212 555 0147","firstName":"Ada","address":{"city":"Springfield","postalCode":"90210"}}},"properties":{"order_id":"A-1001-22","revenue":39.95,"currency":"USD","products":[{"product_id":"sku-77a1","name":"Shirt","price":19.99,"quantity":2}]}}`)
	t := NewTokenizer()
	for b.Loop() {
		t.Of(body, plain())
	}
}
