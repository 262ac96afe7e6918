package rules

import (
	"strings"

	"github.com/bojanz/currency"

	"relay/internal/strictyaml"
	"relay/mapper/event"
	"relay/mapper/match"
)

// defaults reads default_country and default_currency, of the mapping or of one
// event set.
func (p *parser) defaults(o *strictyaml.Object, d *Defaults) {
	if v, ok := o.Field("default_country"); ok {
		d.CountryLine, _ = v.Key().Pos()
		if text, ok := p.word(v); ok {
			n := match.Normalise(match.Country, text, match.Locale{}, nil)
			if n.Form == "" || n.Hashed {
				v.Errorf("%s is not a country", v.Written()).WithHint("write its two letters, such as US or DE")
			}
			d.Country = n.Form
		}
	}
	if v, ok := o.Field("default_currency"); ok {
		d.CurrencyLine, _ = v.Key().Pos()
		if text, ok := p.word(v); ok {
			d.Currency = strings.ToUpper(strings.TrimSpace(text))
			if !currency.IsValid(d.Currency) {
				v.Errorf("%s is not an ISO 4217 currency code", v.Written()).WithHint("write its three letters, such as USD or EUR")
			}
		}
	}
}

// currency reads currency: where events name theirs.
func (p *parser) currency(o *strictyaml.Object) {
	p.m.Currency = []Source{mustSource("properties.currency")}
	v, ok := p.key(o, "currency")
	if !ok {
		return
	}
	p.m.Currency = p.someSources(v, noConstant("for a currency that events do not name write default_currency"))
}

// products reads products: where the goods of an event are, and their ids.
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

// places reads one path or a list of them, none of which leads to several values. root:
// they begin at the event.
func (p *parser) places(v strictyaml.Value, want string, root bool) []event.Path {
	items := v.OneOrList()
	if len(items) == 0 {
		v.Errorf("names no place").WithHint("write %s", want)
	}
	var out []event.Path
	for _, item := range items {
		text, ok := p.named(item, want)
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
			item.Errorf("%s begins at the event, and is looked for in each product", item.Written()).WithHint("write %s", want)
		default:
			if root {
				p.knownPath(item, &compiled)
			}
			out = append(out, compiled)
		}
	}
	return out
}

// reservedHint says how a field that relay sets itself is set.
func reservedHint(name string) string {
	switch name {
	case "value":
		return "for an event's value write its long form with value: [...]"
	case "currency":
		return "name the places where events have it under currency: [...]"
	}
	return "name the places of the goods and of their ids under products: { in: ..., id: ... }"
}
