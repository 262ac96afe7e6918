package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"relay/internal/meta"
	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/match"
	"relay/mapper/money"
	"relay/mapper/personal"
)

// constantCheck returns why a constant can never be the value of a key, and how to fix it; why is
// "" if the constant is valid. The constant is not blank.
type constantCheck func(n *event.Node) (why, fix string)

// constant checks a constant, and reports a problem at v if it can never be valid.
func (p *parser) constant(v strictyaml.Value, n *event.Node, is constantCheck) bool {
	if is == nil || n == nil {
		return true
	}
	why, fix := is(n)
	if why == "" {
		why, fix = p.checkUnhashed(n)
	}
	if why == "" {
		return true
	}
	if problem := v.Errorf("%s", why); fix != "" {
		problem.WithHint("%s", fix)
	}
	return false
}

// checkUnhashed returns why a text of the mapping must not be sent to Meta, and how to fix it.
func (p *parser) checkUnhashed(n *event.Node) (why, fix string) {
	if n.Kind != event.Text {
		return "", ""
	}
	why = p.whyPersonal(n.Text)
	if why != "" {
		fix = "write a text that identifies nobody; customer data belongs under match_keys, where it is hashed"
	}
	return why, fix
}

// whyPersonal returns what a text of the mapping contains that must not be sent unhashed, or
// "".
func (p *parser) whyPersonal(text string) string {
	switch {
	case personal.HoldsEmail(text):
		return "holds an e-mail address"
	case personal.HoldsPhone(text, p.m.defaults.Country):
		return "holds a phone number"
	}
	return ""
}

// showConstant formats a constant for messages.
func showConstant(n *event.Node) string {
	text, _ := n.ScalarText()
	switch n.Kind {
	case event.True:
		return "true"
	case event.False:
		return "false"
	case event.Number:
		return text
	}
	return strconv.Quote(text)
}

// anyConstant accepts every constant that can be sent to Meta.
func anyConstant(*event.Node) (why, fix string) { return "", "" }

// noConstant rejects all constants: the key expects places in an event.
func noConstant(fix string) constantCheck {
	return func(n *event.Node) (string, string) {
		return showConstant(n) + " is a constant, not a place in an event", fix
	}
}

// oneOfWords accepts the given words of Meta.
func oneOfWords(words []string) constantCheck {
	return func(n *event.Node) (string, string) {
		if n.Kind == event.Text && slices.Contains(words, n.Text) {
			return "", ""
		}
		return showConstant(n) + " is not one of Meta's values", "write one of " + strings.Join(words, ", ")
	}
}

func isTruth(n *event.Node) (why, fix string) {
	if n.Kind != event.True && n.Kind != event.False {
		return showConstant(n) + " is neither true nor false", "write true, false or a path such as properties.opt_out"
	}
	return "", ""
}

// isID accepts what can be an id: text or a number.
func isID(n *event.Node) (why, fix string) {
	if _, ok := n.IDText(); !ok {
		return showConstant(n) + " is neither text nor a number", "write a path such as properties.order_id"
	}
	return "", ""
}

func isStoreCode(n *event.Node) (why, fix string) {
	switch text, ok := n.IDText(); {
	case !ok:
		return showConstant(n) + " is neither text nor a number", "write the store's code, or a path such as properties.store.code"
	case utf8.RuneCountInString(text) > meta.StoreCodeLength:
		return fmt.Sprintf("a store code has at most %d characters, this one has %d", meta.StoreCodeLength, utf8.RuneCountInString(text)), "write the store's code at Meta"
	}
	return "", ""
}

func isPageID(n *event.Node) (why, fix string) {
	if text, _ := n.IDText(); PageID(text) == "" {
		return showConstant(n) + " is not a page id, which is a positive whole number", "copy it from the page's settings"
	}
	return "", ""
}

func isPageURL(n *event.Node) (why, fix string) {
	if text, _ := n.IDText(); n.Kind != event.Text || !IsWebAddress(text) {
		return showConstant(n) + " is not an address that starts with http:// or https://", "write one, or a path such as context.page.url"
	}
	return "", ""
}

func isAmount(n *event.Node) (why, fix string) {
	if _, ok := money.Read(n); !ok {
		return showConstant(n) + " is not an amount", "write a number such as 47.60, or a path such as properties.amount"
	}
	return "", ""
}

// noClock replaces the current time when a mapping is checked. The validity of a mapping must
// not depend on the system clock.
var noClock = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func (p *parser) isTime(n *event.Node) (why, fix string) {
	if _, ok := p.m.Times.Read(n, noClock); !ok {
		return showConstant(n) + " is not a readable time", "write one such as 2026-11-26T10:00:00Z, or a path"
	}
	return "", ""
}

// isFieldOf accepts what Meta expects in a field of custom_data.
func isFieldOf(name string) constantCheck {
	want := CustomData[name]
	if want.Writer == meta.Order {
		return isID
	}
	return func(n *event.Node) (string, string) {
		if want.Writer == meta.Rules || Fits(want, n, Purchase) {
			return "", ""
		}
		return fmt.Sprintf("%s is not what Meta accepts as %s: %s", showConstant(n), name, want.Shape), "write such a value, or give the field another name"
	}
}

// isKeyValue accepts what can be a value of the match key in at least one country.
func (p *parser) isKeyValue(k match.Key) constantCheck {
	return func(n *event.Node) (string, string) {
		raw, ok := n.IDText()
		for _, country := range [...]string{p.m.defaults.Country, "", "us", "de"} {
			l := match.Locale{DefaultCountry: country, Today: noClock}
			if ok && match.Normalise(k, raw, l, nil).Form != "" {
				return "", ""
			}
		}
		return fmt.Sprintf("%s can never be a customer's %s", showConstant(n), match.Table[k].Name), "write a path such as context.traits." + match.Table[k].Name + ", or [] to send none"
	}
}

func isIdentifier(t *meta.Key) constantCheck {
	return func(n *event.Node) (string, string) {
		text, ok := n.ScalarText()
		if !ok || !t.Form.Fits(fold.Clean(text)) {
			return showConstant(n) + " is not " + t.Form.String(), "write a path such as properties." + t.Name
		}
		return "", ""
	}
}

// eventName reads a name that occurs in events, which must not be an unquoted number or truth
// value.
func (p *parser) eventName(v strictyaml.Value, example string) (string, bool) {
	text, ok := p.nonBlankText(v)
	if ok {
		if n := constantNode(v, text); n.Kind != event.Text {
			v.Errorf("%s is a constant, not a name", showConstant(n)).WithHint("write %s; put a name that is a number in quotes", example)
			return "", false
		}
	}
	return text, ok
}

// unhashedText reads a text that is sent to Meta unchanged.
func (p *parser) unhashedText(v strictyaml.Value) (string, bool) {
	text, ok := p.nonBlankText(v)
	if !ok {
		return "", false
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		v.Errorf("contains a line break or another control character").WithHint("write it on one line")
		return "", false
	}
	return text, p.constant(v, &event.Node{Kind: event.Text, Text: text}, anyConstant)
}
