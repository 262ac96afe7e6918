package outward

import (
	"strings"

	"relay/mapper/event"
	"relay/mapper/fold"
	"relay/mapper/personal"
)

// The reasons why a text is not sent.
const (
	whyEmail  = "holds an e-mail address; left out"
	whyPhone  = "holds a phone number; left out"
	whyPerson = "holds what the event says about its customer; left out"

	whyAccount = "holds the number of a bank account or a card; left out"
	whyIP      = "holds an IP address; left out"
)

// Value is Text for the value of a property, a text or a number. It also looks into texts that
// are records, unless the property is kept.
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

// Text returns the reason why a text must not be sent in custom_data, or "". kept means that
// custom_data.keep lists the property; then only data that is certainly the customer's is
// withheld. field is the name of the property.
func (f *Filter) Text(text, field string, kept bool) (why string) {
	for text := range fold.Layers(text) {
		if why := f.personalPlain(text, field, kept); why != "" {
			return why
		}
	}
	return ""
}

// personalPlain is Text for a single layer of a text.
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

// holds returns the kind of personal data in a text, whoever it belongs to, as a reason.
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

// number returns the reason why a number must not be sent: it is the customer's id, phone
// number or date of birth.
func (f *Filter) number(number string) (why string) {
	if len(number) < 6 {
		return ""
	}
	if holds, single, _ := f.person.Holds(number); holds && !single {
		return whyPerson
	}
	return ""
}

// isVersion reports whether a property holds a version, which can look like an IP address:
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

// isCode reports whether a property holds a code that is grouped like a phone number.
func isCode(field string) bool {
	switch fold.Name(field) {
	case "ean", "gtin", "upc", "barcode", "isbn", "sku", "mpn", "asin", "productid", "imei", "serial", "serialnumber":
		return true
	}
	return false
}

// isOfProduct reports whether a property describes a product. There a word that is also the
// customer's name is accepted: brand "Jordan", colour "Rose".
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
