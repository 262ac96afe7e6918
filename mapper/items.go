package mapper

import (
	"slices"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/rules"
)

// readItemFields reads delivery_category of a product and the members listed in the mapping's
// contents: the original text, or for title the product's name.
func (s *subject) readItemFields(n *event.Node, c *content, at func(string) string) {
	if d := n.Get("delivery_category"); !d.Blank() {
		if text, _ := d.IDText(); slices.Contains(meta.Deliveries.Names, text) {
			c.delivery = text
		} else {
			s.notes.add(noteWrongType, at("delivery_category"), "delivery_category must be "+meta.DeliveryShape.String()+"; left out")
		}
	}
	for _, f := range s.m.rules.ItemFields {
		name := rules.ItemFieldNames[f]
		v := n.Get(name)
		if f == rules.ItemTitle && v.Blank() {
			name = "name"
			v = n.Get(name)
		}
		switch text, ok := v.IDText(); {
		case v.Blank():
		case !ok:
			s.notes.add(noteNotText, at(name), "neither text nor a number; left out of contents")
		default:
			if why := s.filter.CheckText(text, name, false); why != "" {
				s.notes.add(NotePersonal, at(name), why)
				continue
			}
			c.fields[f] = text
		}
	}
}

// appendItemFields writes the members that readItemFields read. delivery_category is written only
// for a Purchase in the Conversions API.
func (c *content) appendItemFields(dst []byte, api meta.API, conversion string) []byte {
	for f, text := range c.fields {
		if text != "" {
			dst = append(append(append(dst, `,"`...), rules.ItemFieldNames[f]...), `":`...)
			dst = event.AppendText(dst, text)
		}
	}
	if c.delivery != "" && api == meta.Conversions && conversion == rules.Purchase {
		dst = append(append(append(dst, `,"delivery_category":"`...), c.delivery...), '"')
	}
	return dst
}
