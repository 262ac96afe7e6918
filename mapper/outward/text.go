package outward

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/personal"
)

// Why a text is not sent. "" is none of them.
const (
	whyEmail  = "holds an e-mail address; left out"
	whyPhone  = "holds a phone number; left out"
	whyPerson = "holds what the event says about its customer; left out"

	whyAccount = "holds the number of a bank account or a card; left out"
	whyIP      = "holds an IP address; left out"
)

// Value is Text for a value of a property, text or number: it looks into a text that is a
// record, too, unless it is kept.
func (f *Filter) Value(n *event.Node, field string, kept bool) (why string) {
	if n.Kind == event.Number {
		if kept {
			return ""
		}
		return f.number(n.Text)
	}
	if why = f.Text(n.Text, field, kept); why == "" && !kept && f.record(n) {
		return whyRecord
	}
	return why
}

// Text says why a text may not leave in custom_data. kept: the mapping's
// custom_data.keep names its property, so only what is sure to be the customer's
// stays back. field is the property's name.
func (f *Filter) Text(text, field string, kept bool) (why string) {
	for text := range fold.Layers(text) {
		if why := f.personalPlain(text, field, kept); why != "" {
			return why
		}
	}
	return ""
}

// personalPlain is Text for a text as it is.
func (f *Filter) personalPlain(text, field string, kept bool) (why string) {
	if personal.MayHoldSomething(text) {
		if why := f.holds(text, field, kept); why != "" {
			return why
		}
	}
	switch holds, single, is := f.person.Holds(text); {
	case !holds, kept && single, is && isOfProduct(field):
		return ""
	}
	return whyPerson
}

// holds says what a text holds that is somebody's, whosever it is.
func (f *Filter) holds(text, field string, kept bool) (why string) {
	if personal.HoldsPlainEmail(text) {
		return whyEmail
	}
	holdsPhone := personal.HoldsPhone
	if isCode(field) {
		holdsPhone = personal.HoldsPlainPhone
	}
	country, home := f.locale.Effective(), f.locale.DefaultCountry
	if holdsPhone(text, country) || home != "" && home != country && holdsPhone(text, home) {
		return whyPhone
	}
	switch {
	case personal.HoldsAccount(text):
		return whyAccount
	case !kept && !isVersion(field) && personal.HoldsIP(text):
		return whyIP
	}
	return ""
}

// number says why a number may not leave: it is the customer's id, phone number or date of
// birth.
func (f *Filter) number(number string) (why string) {
	if len(number) < 6 {
		return ""
	}
	if holds, single, _ := f.person.Holds(number); holds && !single {
		return whyPerson
	}
	return ""
}

// isVersion says whether a property tells a version, which may look like an address:
// 1.2.3.4.
func isVersion(field string) bool {
	name := fold.Name(field)
	for _, word := range [...]string{"version", "firmware", "software", "build", "release", "driver"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// isCode says whether a property holds a code that is grouped like a phone number.
func isCode(field string) bool {
	switch fold.Name(field) {
	case "ean", "gtin", "upc", "barcode", "isbn", "sku", "mpn", "asin", "productid", "imei", "serial", "serialnumber":
		return true
	}
	return false
}

// isOfProduct says whether a property tells what was sold, where a word is not
// the customer's though it may be somebody's name: brand "Jordan", colour "Rose".
func isOfProduct(field string) bool {
	switch strings.TrimPrefix(fold.Name(field), "product") {
	case "", "name", "title", "brand", "colour", "color", "category", "model", "variant", "size", "material", "style", "collection", "series",
		"vendor", "manufacturer", "supplier", "department", "type", "item", "itemname", "flavour", "flavor", "scent", "pattern", "finish", "design",
		"designer", "artist", "author", "label", "edition", "sku", "id", "description", "tags", "store", "storename", "city", "location", "affiliation", "coupon",
		"wine", "beer", "coffee", "tea", "grape", "variety", "varietal", "cultivar", "breed", "fragrance", "perfume", "flower", "book", "game", "song",
		"album", "film", "movie", "team", "player", "band", "character", "subcategory", "contentname", "contentcategory", "make", "trim", "marke", "farbe", "marque", "couleur", "marca", "merk", "kleur", "month", "day":
		return true
	}
	return false
}
