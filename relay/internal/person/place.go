package person

import (
	"strings"
	"unicode"
)

// place is what stands under a name of an event.
type place uint8

const (
	elsewhere  place = iota
	idPlace          // ids of people, numbers of orders
	phonePlace       // phone numbers
	mailPlace        // e-mail addresses
)

// kin is what an object is about, by the name it stands under.
type kin uint8

const (
	ofAnything kin = iota
	ofPeople       // a customer, an order
	ofThings       // a product, a store, a device
)

// Parts of names, found anywhere in a name without its punctuation: compounds are
// written in one word in many languages.
var (
	phoneParts  = parts("phone telef mobil handy whatsapp komórk komork puhelin 電話 电话 手机 携帯")
	mailParts   = parts("mail courriel correo 邮箱 メール")
	peopleParts = parts("user customer client member loyal account contact person profile buyer shopper guest patient subscriber anonymous extern lead traits " +
		"kunde kundn klant cliente debitor mitglied konto compte cuenta klient zákaz zakaz müşteri musteri asiakas passport login " +
		"order invoice receipt transaction ticket booking reserv checkout auftrag bestell rechnung beleg quittung pedido commande facture fattura " +
		"advertisingid idfa idfv madid gaid aaid ordine factuur zamow objedn sipari tilaus previousid messageid")
	thingParts = parts("product item sku variant categor store shop location register terminal device cashier staff employee campaign coupon promo voucher brand " +
		"collection page screen network library currency country zip postal postcode plz tax line artikel produkt produit prodotto filiale kasse " +
		"list set pixel advert shelf warehouse supplier vendor affiliat")
	// What counts or measures somebody is not who it is.
	measureParts = parts("total count amount price qty quantit value discount points balance status type date time revenue since agent index version score " +
		"spent visits level tier segment currency gender birth sekund rabat")
)

// Words that are parts of other words too often.
var (
	phoneWords   = wordSet("tel cell gsm fax sms phone mobile tél tlf tfno puh")
	idWords      = wordSet("id ids uid uuid guid ref reference")
	numberWords  = wordSet("id ids uid uuid guid ref reference number no nr num nummer code key card")
	peopleWords  = wordSet("kund conto bon bill sale vente venta nota kvitto")
	thingWords   = wordSet("till pos app os ad ads")
	measureWords = wordSet("age sum tax max min")
)

func parts(list string) []string { return strings.Fields(list) }

func wordSet(list string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// name is what a name of an event says.
type name struct {
	place place // of a value under it
	kin   kin   // of an object under it
	id    bool  // an id of whatever it stands in
	bare  bool  // says id and no more
	thing bool  // of a product, a store, a device: its value names nobody

	isName bool // what is looked at is a name itself
}

// read reads a name.
func readName(s string) (n name) {
	words := nameWords(s)
	all := strings.Join(words, "")
	has := func(parts []string, set map[string]bool) bool {
		for _, p := range parts {
			if strings.Contains(all, p) {
				return true
			}
		}
		for _, w := range words {
			if set[w] {
				return true
			}
		}
		return false
	}
	people, things := has(peopleParts, peopleWords), has(thingParts, thingWords)
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	n.id = numberWords[last]
	n.bare = len(words) == 1 && n.id
	switch {
	case people:
		n.kin = ofPeople
	case things:
		n.kin, n.thing = ofThings, true
	}
	switch {
	case has(mailParts, nil):
		n.place = mailPlace
	case has(phoneParts, phoneWords):
		n.place = phonePlace
	case has(measureParts, measureWords):
	case people && (!things || n.id), !things && idWords[last] && !n.bare, strings.HasSuffix(all, "id") && len(words) == 1 && !things && !n.bare && len(all) > 4:
		n.place = idPlace
	}
	if things && !people && n.place == idPlace {
		n.place = elsewhere
	}
	return n
}

// within is the place of a name in an object.
func (n name) within(of kin) place {
	if n.place == elsewhere && n.bare && (of == ofPeople || of == ofAnything && n.id) {
		return idPlace
	}
	return n.place
}

// nameWords are the words of a name, in lower case: orderID, order_id and "Order Id"
// are order and id.
func nameWords(s string) (words []string) {
	var w []rune
	flush := func() {
		if len(w) > 0 {
			words = append(words, strings.ToLower(string(w)))
			w = w[:0]
		}
	}
	var prev rune
	rs := []rune(s)
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			flush()
		case unicode.IsUpper(r) && (unicode.IsLower(prev) || unicode.IsUpper(prev) && i+1 < len(rs) && unicode.IsLower(rs[i+1])):
			flush()
			w = append(w, r)
		default:
			w = append(w, r)
		}
		prev = r
	}
	flush()
	return words
}
