package mapper

import (
	"strings"
	"testing"
)

// TestUnread checks the note on an event without customer that has an address no match key reads.
func TestUnread(t *testing.T) {
	for members, want := range map[string]string{
		`"properties":{"email":"kim@example.com"}`:                     "properties.email",
		`"properties":{"customer":{"E-Mail":"kim@example.com"}}`:       "properties.customer.E-Mail",
		`"user_id":"C-7","properties":{}`:                              "user_id",
		`"email":"kim@example.com","properties":{}`:                    "email",
		`"user":{"email":"kim@example.com"},"properties":{}`:           "user.email",
		`"context":{"user":{"mail":"kim@example.com"}}`:                "context.user.mail",
		`"properties":{"E.Mail":"kim@example.com"}`:                    `properties["E.Mail"]`,
		`"properties":{"email":"none"}`:                                "",
		`"properties":{"email":"noreply@example.com"}`:                 "",
		`"properties":{"shop":"till@shop.example"}`:                    "",
		`"properties":{"note":"2 @ 3.50"}`:                             "",
		`"properties":{"clerk":{"mail":"till@example.com"}}`:           "",
		`"properties":{"a":{"b":{"c":{"d":{"e":"kim@example.com"}}}}}`: "",
	} {
		o := mapOne(t, parseForKeys(t, "never_customers: ['*@shop.example']\nstaff: [properties.clerk]\n"), `{"event":"E",`+members+`}`)
		got := ""
		for _, n := range o.Notes {
			if n.Code == NoteUnread {
				got = n.Field
			}
			if strings.Contains(n.Message, "@") {
				t.Errorf("%s: the note says the address", members)
			}
		}
		if o.Reason != ReasonNoCustomer || got != want {
			t.Errorf("%s: %s, noted at %q, want %q", members, o.Reason, got, want)
		}
	}
}

// TestAmountInFormulas: text that holds an amount is a number for a formula.
func TestAmountInFormulas(t *testing.T) {
	for total, want := range map[string]string{
		`"12,50"`: "send", `12.5`: "send", `"€ 0"`: "skip", `"(3.00)"`: "skip", `"soon"`: "skip", `null`: "skip",
	} {
		parsed, _, err := Parse("m.yaml", []byte("version: 1\nevents:\n  E:\n    to: '1'\n    when: (amount(properties.total) ?? 0) > 0\n"))
		if err != nil {
			t.Fatal(err)
		}
		if o := mapOne(t, parsed, `{"event":"E","userId":"C-7","properties":{"total":`+total+`}}`); string(o.Kind) != want {
			t.Errorf("%s: %s %s, want %s", total, o.Kind, o.Message, want)
		}
	}
}
