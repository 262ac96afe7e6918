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
	whyPerson = "holds data of the event's customer; left out"

	whyAccount = "holds the number of a bank account or a card; left out"
	whyIP      = "holds an IP address; left out"
)

// CheckValue is CheckText for the value of a property, a text or a number. Unless the property is
// kept, it also rejects texts that are records with personal data.
func (f *Filter) CheckValue(n *event.Node, field string, kept bool) (why string) {
	if n.Kind == event.Number {
		if kept {
			return ""
		}
		return f.number(n.Text)
	}
	if why = f.CheckText(n.Text, field, kept); why == "" && !kept && f.record(n) {
		return whyRecord
	}
	return why
}

// CheckText returns the reason why a text must not be sent in custom_data, or "". field is the
// name of the property. kept means that custom_data.keep lists the property; then only data that
// is certainly personal is left out.
func (f *Filter) CheckText(text, field string, kept bool) (why string) {
	for text := range fold.Layers(text) {
		if why := f.checkLayer(text, field, kept); why != "" {
			return why
		}
	}
	return ""
}

// checkLayer is CheckText for a single layer of a text.
func (f *Filter) checkLayer(text, field string, kept bool) (why string) {
	if personal.MightBePersonal(text) {
		if why := f.checkForms(text, field, kept); why != "" {
			return why
		}
	}
	switch holds, single, is := f.person.Holds(text); {
	case !holds, kept && single, is && isOfProduct(field):
		return ""
	}
	return whyPerson
}

// checkForms returns the reason if a text contains personal data in a known form, such as a phone
// number, of any person.
func (f *Filter) checkForms(text, field string, kept bool) (why string) {
	if personal.HoldsEmailInLayer(text) {
		return whyEmail
	}
	holdsPhone := personal.HoldsPhone
	if isCode(field) {
		holdsPhone = personal.HoldsMarkedPhone
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

// number returns the reason why a number must not be sent, or "". A number can be the customer's
// id, phone number or date of birth.
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
