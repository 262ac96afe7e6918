package mapper

import (
	"slices"
	"strconv"
	"strings"

	"relay/internal/meta"
	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/money"
	"relay/mapper/rules"
)

// goods holds content_type, content_ids and contents of an event.
type goods struct {
	kind     string // product, product_group, or ""
	ids      []string
	contents []content
}

// content is one product. quantity and price are numbers as JSON text; price can be "".
type content struct {
	id, quantity, price string
	delivery            string                  // delivery_category
	fields              [rules.ItemCount]string // members listed in the mapping's contents
}

// findGoods reads products, product_id or, for Product List Viewed, category. The sources of
// the ids are marked as consumed.
func (s *subject) findGoods() {
	if s.name == rules.ProductListViewed {
		if id, ok := s.idAt(s.props.Get("category"), "properties.category"); ok {
			s.goods = goods{kind: "product_group", ids: []string{id}}
			s.explainGoods("properties.category", "", s.props.Get("category"))
		}
		return
	}
	for i := range s.m.rules.Products.In {
		in := &s.m.rules.Products.In[i]
		products := in.One(&s.t.Root)
		if products.Blank() || !s.products(products, in.Text) {
			continue
		}
		s.goods.kind = "product"
		products.Mark |= event.MarkConsumed
		s.explainGoods(in.Text, "[]."+s.m.rules.Products.ID[0].Text, products)
		return
	}
	const at = "properties.product_id"
	n := s.props.Get("product_id")
	if items, ok := n.ParseJSONText().Items(); ok { // several: the contents of a cart
		for i := range items {
			if id, ok := s.idAt(&items[i], at+"["+strconv.Itoa(i)+"]"); ok {
				s.goods.kind, s.goods.ids = "product", append(s.goods.ids, id)
			}
		}
		if len(s.goods.ids) == 0 {
			return
		}
		n.Mark |= event.MarkConsumed
	} else if id, ok := s.idAt(n, at); ok {
		s.goods = goods{kind: "product", ids: []string{id}}
	} else {
		return
	}
	s.explainGoods(at, "", n)
}

// products reads a list of products. It reports false if the list gives no id.
func (s *subject) products(n *event.Node, at string) bool {
	list := n.ParseJSONText()
	items, ok := list.Items()
	switch {
	case ok:
	case list.Kind == event.Object: // a single product, from a format that does not use lists of one
		items = []event.Node{*list}
	default:
		s.notes.add(noteNotList, at, "not a list")
		return false
	}
	s.goods.ids = slices.Grow(s.reused.ids[:0], len(items))
	s.goods.contents = slices.Grow(s.reused.contents[:0], len(items))
	s.reused.ids, s.reused.contents = s.goods.ids, s.goods.contents
	for i := range items {
		s.product(&items[i], at, i)
	}
	return len(s.goods.ids) > 0
}

// idAt reads an id and marks its node as consumed.
func (s *subject) idAt(n *event.Node, at string) (string, bool) {
	if n.Blank() {
		return "", false
	}
	id, ok := n.IDText()
	if !ok {
		s.notes.add(noteBadID, at, "an id that is neither text nor a number; left out")
		return "", false
	}
	if fold.LostDigits(id) {
		s.notes.add(noteBadID, at, whyShortened)
		return "", false
	}
	if why := s.filter.CheckProductID(id); why != "" {
		s.notes.add(NotePersonal, at, why)
		return "", false
	}
	n.Mark |= event.MarkConsumed
	return id, true
}

// product adds one item of products.
func (s *subject) product(n *event.Node, list string, index int) {
	at := func(name string) string {
		path := list + "[" + strconv.Itoa(index) + "]"
		if name != "" {
			path += "." + name
		}
		return path
	}
	if n.Kind != event.Object {
		if n.Kind != event.Null {
			s.notes.add(noteNotObject, at(""), "not an object; left out of contents")
		}
		return
	}
	var id string
	var ok bool
	first := s.m.rules.Products.ID[0].Text
	for i := range s.m.rules.Products.ID {
		if id, ok = s.m.rules.Products.ID[i].One(n).IDText(); ok {
			first = s.m.rules.Products.ID[i].Text
			break
		}
	}
	if !ok {
		s.notes.add(noteProductNoID, at(first), "a product without a usable "+first+" is left out of contents; products: { id: [...] } in the mapping names other places")
		return
	}
	if fold.LostDigits(id) {
		s.notes.add(noteBadID, at(first), whyShortened)
		return
	}
	if why := s.filter.CheckProductID(id); why != "" {
		s.notes.add(NotePersonal, at(first), why)
		return
	}
	c := content{id: id}
	var price money.Amount
	if p := n.Get("price"); !p.Blank() {
		if m, ok := money.Read(p); ok {
			m = m.In(s.currencyFor(m))
			price, c.price = m, m.Text
		} else {
			s.notes.add(noteBadPrice, at("price"), "not an amount that can be read; left out")
		}
	}
	if !s.quantity(&c, n.Get("quantity"), price, at) {
		return
	}
	s.readItemFields(n, &c, at)
	s.goods.ids = append(s.goods.ids, id)
	s.goods.contents = append(s.goods.contents, c)
}

// quantity sets quantity and price of a product (docs/contract.md 5.3). Meta accepts only
// positive whole quantities, so a weighed or measured product has quantity 1 and the price of
// the line. It reports false if the item was returned or cancelled and must be left out.
func (s *subject) quantity(c *content, n *event.Node, price money.Amount, at func(string) string) bool {
	c.quantity = "1"
	number, readable := money.Quantity(n)
	switch {
	case price.Negative():
		s.notes.add(noteReturned, at("price"), "a price below zero: taken for a return, left out of contents")
		return false
	case n.Blank():
	case !readable:
		s.notes.add(noteBadQuantity, at("quantity"), "not a number that can be read in one way ("+event.Shape(n)+"); sent as 1")
	case number == "0":
		s.notes.add(noteBadQuantity, at("quantity"), "zero: left out of contents")
		return false
	case number[0] == '-':
		s.notes.add(noteReturned, at("quantity"), "a quantity below zero: taken for a return, left out of contents")
		return false
	case !strings.Contains(number, "."):
		c.quantity = number
	case c.price != "":
		if line, ok := money.Exact(event.Multiply(c.price, number)); ok {
			c.price = line.Text
		} else {
			c.price = ""
		}
	}
	return true
}

func (s *subject) explainGoods(source, id string, raw *event.Node) {
	if s.x == nil {
		return
	}
	line := s.m.rules.Products.Line
	s.x.field("content_type", "event name", 0, nil, nil, event.Quote(s.goods.kind))
	s.x.field("content_ids", source+id, line, raw, nil, string(s.goods.appendIDs(nil)))
	if len(s.goods.contents) > 0 {
		s.x.field("contents", source, line, raw, nil, string(s.goods.appendContents(nil, meta.Conversions, "")))
	}
}

func (g *goods) appendIDs(dst []byte) []byte {
	dst = append(dst, '[')
	for i, id := range g.ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendText(dst, id)
	}
	return append(dst, ']')
}

// appendContents writes the list of products. The offline format has its own name for the price
// and accepts no price of zero.
func (g *goods) appendContents(dst []byte, api meta.API, conversion string) []byte {
	dst = append(dst, '[')
	for i, c := range g.contents {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = event.AppendText(append(dst, `{"id":`...), c.id)
		dst = append(append(dst, `,"quantity":`...), c.quantity...)
		switch {
		case c.price == "", api == meta.Offline && c.price == "0":
		case api == meta.Offline:
			dst = append(append(dst, `,"price":`...), c.price...)
		default:
			dst = append(append(dst, `,"item_price":`...), c.price...)
		}
		dst = c.appendItemFields(dst, api, conversion)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// findSearch sets search_string from `query` of Segment's specification, unless the event or
// mapping has one.
func (s *subject) findSearch() {
	const field, at = "search_string", "properties.query"
	query := s.props.Get("query")
	if s.name != rules.ProductsSearched || query.Blank() || !s.props.Get(field).Blank() || s.setValueOf(field) != nil || query.Mark&event.MarkExclude != 0 {
		return
	}
	text, ok := query.IDText()
	if !ok {
		return
	}
	asked := &event.Node{Kind: event.Text, Text: text, Mark: query.Mark}
	if query.Mark&event.MarkConsumed == 0 {
		query.Mark |= event.MarkConsumed
		s.searchQuery = query
	}
	s.setValues = append(s.setValues, setValue{name: field, node: asked, from: at})
}
