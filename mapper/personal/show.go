package personal

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// shownWords are words of commerce and of Segment events that reveal nothing about a person.
// Masked views show them, and the words of lists.
var shownWords = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`
		track identify page screen group alias type event message timestamp original sent received at channel version context properties traits
		integrations all library anonymous write key batch library locale page path referrer search title url campaign medium network os
		device ip agent timezone consent preferences preference given granted denied advertising analytics functional necessary consents
		order orders completed updated cancelled canceled refunded refund started viewed view added removed wishlist checkout step payment
		entered info cart shared clicked applied denied searched search product products list filtered promotion coupon reviewed review
		sale sales sold return returned returns exchange exchanged void voided receipt receipts invoice invoices ticket tickets transaction
		transactions quote quotes requested lead leads loyalty card points joined earned redeemed redemption register registered registration
		subscription subscribed unsubscribed appointment booked booking visit visited visitor service repair work finished opened closed
		open close shift started ended till tills store stores shop pos kiosk self scan scanned scanner online offline web app mobile
		gift certificate voucher balance deposit withdrawal paid paying cash credit debit terminal amount gratuity tip total subtotal
		revenue value price cost margin profit tax vat shipping discount quantity qty count weight unit units size colour color brand variant
		category categories department style material model sku ean upc gtin barcode isbn mpn position index rank currency money rate
		affiliation source partner method delivery pickup curbside express standard store region area zone floor aisle line lines
		created modified deleted changed date time day week month year hour start end begin first last new old test demo sample example user
		import imports export exports report reports data file files backup dump copy part morning afternoon evening night daily weekly
		monthly january february march april may june july august september october november december jan feb mar apr jun jul aug sep oct nov dec
		plain row rows badrows binary hidden sealed renamed refused
		json jsonl csv tsv txt gz ndjson xml zip log pdf xlsx tab
		dead letter queue spool reason code status state result error warning note notes comment description label name names number id ids
		session request response client server host hash digest token true false yes no ok null none other tail big small good bad slow fast open forbidden allowed unknown default custom extra misc
		meta facebook segment rudderstack conversion conversions purchase content contents view initiate complete submit application contact
		customize donate find location schedule start trial subscribe wish add to from of in on by with without for and or the an is was has
		bestellung verkauf bon beleg kasse filiale artikel preis menge summe rabatt gutschein rechnung angebot termin abgeschlossen gescannt
		commande vente caisse ticket prix quantite remise magasin pedido venta caja precio cantidad descuento tienda ordine vendita cassa prezzo`) {
		out[w] = true
	}
	return out
}()

// Known reports whether a name consists only of known words, words of one or two letters, and
// digits, and so reveals nothing about a person.
func Known(name string) bool {
	if len(name) > maxName || HoldsEmail(name) || HoldsPhone(name, "") {
		return false
	}
	var room [64]byte
	for len(name) > 0 {
		start := strings.IndexFunc(name, unicode.IsLetter)
		if start < 0 {
			return true
		}
		name = name[start:]
		end := wordEnd(name)
		w := appendFold(room[:0], name[:end])
		name = name[end:]
		if len(w) > 2 && !shownWords[string(w)] && (words[string(w)] == 0 || words[string(w)]&surname != 0) {
			r := reader{}
			r.word(w)
			if len(r.classes) < 2 {
				return false
			}
		}
	}
	return true
}

// ShowName returns a name for a masked view: unchanged if it is Known, else its shape.
func ShowName(name string) string {
	if Known(name) && !hasPhoneDigits(name) {
		return name
	}
	return Shape(name)
}

// ShowPath returns a path for logs and masked views. It is the single rule for file names. own
// reports which parts are relay's own names. Other parts are shown as by ShowName, and by their
// shape if they have a number long enough for a customer number that is not a date. If the path
// is masked, the size and time of fi identify the file.
func ShowPath(path string, own func(path string) bool, fi fs.FileInfo) string {
	parts := strings.Split(path, "/")
	shown := make([]string, len(parts))
	for i, part := range parts {
		if shown[i] = part; !own(strings.Join(parts[:i+1], "/")) {
			shown[i] = ShowName(part)
			if hasLongNumber(part) {
				shown[i] = Shape(part)
			}
		}
	}
	s := strings.Join(shown, "/")
	if s != path && fi != nil {
		s += fmt.Sprintf(" (%d bytes, of %s)", fi.Size(), fi.ModTime().UTC().Format(time.RFC3339))
	}
	return s
}

// hasLongNumber reports whether a name has five or more consecutive digits that are not part of a
// date or time.
func hasLongNumber(name string) bool {
	for _, digits := range longNumber.FindAllString(moment.ReplaceAllString(name, "$1$5"), -1) {
		if len(digits) != 13 { // a time in milliseconds
			return true
		}
	}
	return false
}

var longNumber = regexp.MustCompile(`[0-9]{5,}`)

// hasPhoneDigits reports whether a name has digits that could be a national phone number in any
// country: of the right count, and not a date, a time or milliseconds.
func hasPhoneDigits(name string) bool {
	for _, digits := range stretch.FindAllString(name, -1) {
		digits = fold.OnlyDigits(moment.ReplaceAllString(digits, "$1$5"))
		if minDigits <= len(digits) && len(digits) <= maxDigits && len(digits) != 13 {
			return true
		}
	}
	return false
}

var (
	stretch = regexp.MustCompile(`[0-9][-0-9 ()./+]{5,}[0-9]`)
	moment  = regexp.MustCompile(`(^|[^0-9])((?:19|20)[0-9]{2}[-. /]?(?:0[1-9]|1[0-2])[-. /]?(?:0[1-9]|[12][0-9]|3[01])|(?:0[1-9]|[12][0-9]|3[01])[-. /](?:0[1-9]|1[0-2])[-. /](?:19|20)[0-9]{2})([-. /]?[0-2][0-9][-. /]?[0-5][0-9]([-. /]?[0-5][0-9](?:[.]?[0-9]{3})?)?)?($|[^0-9])`)
)

// ShowID returns an id for a masked view: unchanged if none of its words can be a person's name
// and no part a phone number, else its shape. Hex digits, as in a UUID, are not words.
func ShowID(id string) string {
	if isHex(strings.ReplaceAll(id, "-", ""), 16) { // a UUID, in which a part can consist of letters
		return id
	}
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if !isHex(part, 4) && !Known(part) {
			return Shape(id)
		}
	}
	if HoldsEmail(id) || HoldsPhone(id, "") || isPhoneDigits(id) {
		return Shape(id)
	}
	return id
}

// isHex reports whether text has at least least characters, all of them hex digits, with at
// least one decimal digit.
func isHex(text string, least int) bool {
	return len(text) >= least && strings.ContainsAny(text, "0123456789") && strings.Trim(text, "0123456789abcdefABCDEF") == ""
}

// isPhoneDigits reports whether an id consists of exactly the digits of a phone number. 13
// digits are a time in milliseconds.
func isPhoneDigits(id string) bool {
	if len(id) < 10 || len(id) > maxDigits || len(id) == 13 || strings.Trim(id, "0123456789") != "" {
		return false
	}
	f := finder{region: "US"}
	return f.isPhone("+"+id, "") || f.isPhone(id, "US")
}

// maxShape is the number of characters that Shape shows.
const maxShape = 80

// Shape returns the shape of a text: letters as a or A, digits as 9, other characters
// unchanged. "+1 (555) 010-0199" becomes "+9 (999) 999-9999".
func Shape(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > maxShape {
			b.WriteRune('…')
			break
		}
		switch {
		case unicode.IsNumber(r):
			b.WriteByte('9')
		case unicode.IsUpper(r):
			b.WriteByte('A')
		case unicode.IsLetter(r) || unicode.IsMark(r):
			b.WriteByte('a')
		case r >= utf8.RuneSelf && !unicode.IsPunct(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
