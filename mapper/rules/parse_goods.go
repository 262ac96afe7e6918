package rules

import (
	"strings"

	"github.com/bojanz/currency"

	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/match"
)

// defaults reads default_country and default_currency of the mapping or of an event set.
func (p *parser) defaults(o *strictyaml.Object, d *Defaults) {
	if v, ok := o.Field("default_country"); ok {
		d.CountryLine, _ = v.Key().Pos()
		if text, ok := p.nonBlankText(v); ok {
			n := match.Normalise(match.Country, text, match.Locale{}, nil)
			if n.Form == "" || n.Hashed {
				v.Errorf("%s is not a country", v.Written()).WithHint("write its two-letter code, such as US or DE")
			}
			d.Country = n.Form
		}
	}
	if v, ok := o.Field("default_currency"); ok {
		d.CurrencyLine, _ = v.Key().Pos()
		if text, ok := p.nonBlankText(v); ok {
			d.Currency = strings.ToUpper(strings.TrimSpace(text))
			if !currency.IsValid(d.Currency) {
				v.Errorf("%s is not an ISO 4217 currency code", v.Written()).WithHint("write its three-letter code, such as USD or EUR")
			}
		}
	}
}

// currency reads currency: the places where events have their currency.
func (p *parser) currency(o *strictyaml.Object) {
	p.m.Currency = []Source{mustSource("properties.currency")}
	v, ok := p.key(o, "currency")
	if !ok {
		return
	}
	p.m.Currency = p.someSources(v, noConstant("write default_currency for events without a currency"))
}

// products reads products: the places of the products in an event and of their ids.
func (p *parser) products(o *strictyaml.Object) {
	rules := &p.m.Products
	rules.In, rules.ID = []event.Path{mustSource("properties.products").Path}, []event.Path{mustSource("product_id").Path}
	v, ok := p.key(o, "products")
	if !ok {
		return
	}
	fields, ok := v.Object()
	if !ok {
		return
	}
	rules.Line, _ = v.Pos()
	if in, ok := fields.Field("in"); ok {
		rules.In = p.places(in, "a path to a list, such as properties.line_items", true)
	}
	if id, ok := fields.Field("id"); ok {
		rules.ID = p.places(id, "the name of a member of each product, such as sku", false)
	}
	fields.Done()
}

// places reads one or more paths, each to a single value. root: the paths start at the event.
func (p *parser) places(v strictyaml.Value, want string, root bool) []event.Path {
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("is empty").WithHint("write %s", want)
	}
	var out []event.Path
	for _, item := range items {
		text, ok := p.eventName(item, want)
		if !ok {
			continue
		}
		compiled, err := event.ParsePath(text)
		switch {
		case err != nil:
			item.Errorf("%v", err)
		case compiled.Many:
			item.Errorf("%s leads to several values", item.Written()).WithHint("write %s, without []", want)
		case !root && strings.Contains(text, ".") && beginsAtEvent(text):
			item.Errorf("%s starts at the event, but is looked up in each product", item.Written()).WithHint("write %s", want)
		default:
			if root {
				p.knownPath(item, &compiled)
			}
			out = append(out, compiled)
		}
	}
	return out
}

// reservedHint explains how to set a field that relay sets itself.
func reservedHint(name string) string {
	switch name {
	case "value":
		return "to set the value of an event, use its long form with value: [...]"
	case "currency":
		return "list the places where events have it under currency: [...]"
	}
	return "list the places of the products and their ids under products: { in: ..., id: ... }"
}
