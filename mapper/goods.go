package mapper

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// goods is what an event is about: content_type, content_ids and contents.
type goods struct {
	kind     string // product, product_group, or "" for nothing
	ids      []string
	contents []content
}

// content is one product. quantity and price are numbers as JSON text, or "".
type content struct{ id, quantity, price string }

// findGoods reads products, product_id or, for Product List Viewed, category.
// What gave the ids is marked as consumed.
func (s *subject) findGoods() {
	if s.name == productListViewed {
		if id, ok := s.idAt(s.props.get("category"), "properties.category"); ok {
			s.goods = goods{kind: "product_group", ids: []string{id}}
			s.explainGoods("properties.category", s.props.get("category"))
		}
		return
	}
	products := s.props.get("products")
	if !products.absent() && products.kind != isList {
		s.notes.add(noteNotList, "properties.products", "not a list")
	} else if products != nil && products.kind == isList {
		s.goods.ids = slices.Grow(s.room.ids[:0], len(products.kids))
		s.goods.contents = slices.Grow(s.room.goods[:0], len(products.kids))
		s.room.ids, s.room.goods = s.goods.ids, s.goods.contents
		for i := range products.kids {
			s.product(&products.kids[i], i)
		}
	}
	if len(s.goods.ids) > 0 {
		s.goods.kind = "product"
		products.mark |= markConsumed
		s.explainGoods("properties.products[].product_id", products)
		return
	}
	if id, ok := s.idAt(s.props.get("product_id"), "properties.product_id"); ok {
		s.goods = goods{kind: "product", ids: []string{id}}
		s.explainGoods("properties.product_id", s.props.get("product_id"))
	}
}

// idAt reads an id and marks its node as consumed.
func (s *subject) idAt(n *node, at string) (string, bool) {
	if n.blank() {
		return "", false
	}
	id, ok := textID(n)
	if !ok {
		s.notes.add(noteBadID, at, "an id that is neither text nor a number; left out")
		return "", false
	}
	if s.personalProduct(id) {
		s.notes.add(NotePersonal, at, "holds an e-mail address or a phone number; left out")
		return "", false
	}
	n.mark |= markConsumed
	return id, true
}

// product adds one item of products.
func (s *subject) product(n *node, index int) {
	at := func(name string) string {
		path := "properties.products[" + strconv.Itoa(index) + "]"
		if name != "" {
			path += "." + name
		}
		return path
	}
	if n.kind != isObject {
		if n.kind != isNull {
			s.notes.add(noteNotObject, at(""), "not an object; left out of contents")
		}
		return
	}
	id, ok := textID(n.get("product_id"))
	if ok && s.personalProduct(id) {
		s.notes.add(NotePersonal, at("product_id"), "holds an e-mail address or a phone number; left out")
		return
	}
	if !ok {
		s.notes.add(noteProductNoID, at("product_id"), "a product without a usable product_id is left out of contents")
		return
	}
	c := content{id: id}
	if q := n.get("quantity"); !q.blank() {
		if c.quantity, ok = wholeNumber(q); !ok {
			s.notes.add(noteBadQuantity, at("quantity"), "not a whole number above zero; left out")
		}
	}
	if p := n.get("price"); !p.blank() {
		if m, ok := parseMoney(p); ok && !m.negative() {
			c.price = m.text
		} else {
			s.notes.add(noteBadPrice, at("price"), "not an amount that can be read, or negative; left out")
		}
	}
	s.goods.ids = append(s.goods.ids, id)
	s.goods.contents = append(s.goods.contents, c)
}

// wholeNumber reads a quantity: a whole number from 1 to 10^12.
func wholeNumber(n *node) (string, bool) {
	var number string
	switch n.kind {
	case isNumber:
		number = n.text
	case isText:
		number = strings.TrimSpace(n.text)
		if number == "" || strings.Trim(number, "0123456789") != "" {
			whole, zeros, _ := strings.Cut(number, ".") // "2.00"
			if whole == "" || strings.Trim(whole, "0123456789") != "" || strings.Trim(zeros, "0") != "" {
				return "", false
			}
			number = whole
		}
	default:
		return "", false
	}
	m, ok := exactMoney(number)
	if !ok || m.zero() || m.negative() || strings.Contains(m.text, ".") {
		return "", false
	}
	return m.text, true
}

func (s *subject) explainGoods(source string, raw *node) {
	if s.x == nil {
		return
	}
	line := 0
	s.x.field("content_type", "event name", line, nil, nil, quote(s.goods.kind))
	s.x.field("content_ids", source, line, raw, nil, string(s.goods.appendIDs(nil)))
	if len(s.goods.contents) > 0 {
		s.x.field("contents", "properties.products", line, raw, nil, string(s.goods.appendContents(nil, Conversions)))
	}
}

func (g *goods) appendIDs(dst []byte) []byte {
	dst = append(dst, '[')
	for i, id := range g.ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(dst, id)
	}
	return append(dst, ']')
}

// appendContents writes the list of products; the price is called price in the
// offline format, which takes none of zero.
func (g *goods) appendContents(dst []byte, api API) []byte {
	dst = append(dst, '[')
	for i, c := range g.contents {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendText(append(dst, `{"id":`...), c.id)
		if c.quantity != "" {
			dst = append(append(dst, `,"quantity":`...), c.quantity...)
		}
		switch {
		case c.price == "", api == Offline && c.price == "0":
		case api == Offline:
			dst = append(append(dst, `,"price":`...), c.price...)
		default:
			dst = append(append(dst, `,"item_price":`...), c.price...)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendText writes text as a JSON string. Every text of a decoded event is
// valid UTF-8, so it cannot fail; were it not, Meta's reader would refuse it.
func appendText(dst []byte, s string) []byte {
	out, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return out
}

func quote(s string) string { return string(appendText(nil, s)) }
