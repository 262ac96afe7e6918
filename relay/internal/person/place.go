package person

import (
	"strings"
	"unicode"

	"relay/mapper/fold"
)

// place is the kind of value that a field name announces.
type place uint8

const (
	elsewhere  place = iota
	idPlace          // ids of people, order numbers
	phonePlace       // phone numbers
	mailPlace        // e-mail addresses
)

// subject is what an object is about, according to its field name.
type subject uint8

const (
	ofAnything subject = iota
	ofPeople           // a customer, an order
	ofThings           // a product, a store, a device
)

// Parts of field names. They are found anywhere in a name without its punctuation, since many
// languages write compounds as one word.
var (
	phoneParts  = parts("phone telef mobil handy whatsapp komórk komork puhelin 電話 电话 手机 携帯")
	mailParts   = parts("mail courriel correo 邮箱 メール")
	peopleParts = parts("user customer client member loyal account contact person profile buyer shopper guest patient subscriber anonymous extern lead traits " +
		"kunde kundn klant cliente debitor mitglied konto compte cuenta klient zákaz zakaz müşteri musteri asiakas passport login " +
		"order invoice receipt transaction ticket booking reserv checkout auftrag bestell rechnung beleg quittung pedido commande facture fattura factura " +
		"advertisingid idfa idfv madid gaid aaid ordine factuur zamow zamów objedn sipari tilaus previousid messageid " +
		"kdnr kartennummer kartennr bonnummer bonnr kassenbon kassabon vorgangsn lieferschein fidelit fidélit fidelid fedelt adherent adhérent adhéren " +
		"tessera scontrino encomenda fatura bestel lidnummer lidnr faktur nrkarty numerkarty paragon účtenk uctenk věrnost vernost kvitto medlem " +
		"cardnum ordre kvitter kuitti jäsen laskunumero fişno fisno kartno ponumber pono refno refnr refnumber checkno checknumber quoteno " +
		"gutscheinn čobj nrzam " +
		"注文 会員 顧客 お客様 伝票 レシート 受注 カード番号 取引番号 請求書 訂單 订单 会员 會員 客户 客戶 顾客 小票 流水号 流水號 交易号 交易號 发票 發票 单号 單號 卡号 卡號")
	thingParts = parts("product item sku variant categor store shop location register terminal device cashier staff employee campaign coupon promo voucher brand " +
		"collection page screen network library currency country zip postal postcode plz tax line artikel produkt produit prodotto filiale kasse " +
		"list set pixel advert shelf warehouse supplier vendor affiliat")
	// Counts and measures of a person do not identify the person.
	measureParts = parts("total count amount price qty quantit value discount points balance status type date time revenue since agent index version score " +
		"spent visits level tier segment currency gender birth sekund rabat " +
		"金額 金额 合計 合计 件数 数量 日期 日時 注文日 时间 時間 ランク 等级 等級 积分 積分")
)

// Whole words: as parts they occur in too many other words.
var (
	phoneWords   = wordSet("tel cell gsm fax sms phone mobile tél tlf tfno puh")
	idWords      = wordSet("id ids uid uuid guid ref reference referencia referência referenz referens referenza référence viite referentie")                                                                                                                        //nolint:misspell // Swedish
	numberWords  = wordSet("id ids uid uuid guid ref reference referencia referência referenz referens referenza référence viite referentie number no nr num nummer code key card numéro numero número numer číslo cislo numara numarası numero 番号 编号 編號 号 号码 號 號碼") //nolint:misspell // Swedish
	peopleWords  = wordSet("kund obj cmd conto bon bill sale vente venta nota socio sócio socia folio fiş fis üye uye acct txn docket slip")
	thingWords   = wordSet("till pos app os ad ads")
	measureWords = wordSet("age sum tax max min")
)

// misleading removes words that contain a part of another kind.
var misleading = strings.NewReplacer("account", "", "kassenbon", "", "laskunumero", "")

func parts(list string) []string { return strings.Fields(list) }

func wordSet(list string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

// name is what a field name announces.
type name struct {
	place place   // of a value under it
	kin   subject // of an object under it
	id    bool    // the id of the enclosing object
	bare  bool    // just "id", "number" or the like
	thing bool    // of a product, store or device: its value identifies nobody

	isName bool // the text searched is itself a field name
}

// readName parses a field name.
func readName(s string) (n name) {
	words := nameWords(fold.Clean(s))
	all := strings.ReplaceAll(strings.Join(words, ""), "i\u0307", "i") // İ in lower case is two characters
	has := func(text string, parts []string, set map[string]bool) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
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
	rest := misleading.Replace(all)
	people, things := has(all, peopleParts, peopleWords), has(rest, thingParts, thingWords)
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	n.id = numberWords[last]
	people = people || n.id && len(words) > 1 && words[len(words)-2] == "card" // but not card_last4
	n.bare = len(words) == 1 && n.id
	switch {
	case people:
		n.kin = ofPeople
	case things:
		n.kin, n.thing = ofThings, true
	}
	switch {
	case has(all, mailParts, nil):
		n.place = mailPlace
	case has(all, phoneParts, phoneWords):
		n.place = phonePlace
	case has(rest, measureParts, measureWords):
	case people && (!things || n.id), !things && idWords[last] && !n.bare, strings.HasSuffix(all, "id") && len(words) == 1 && !things && !n.bare && len(all) > 4:
		n.place = idPlace
	}
	if things && !people && n.place == idPlace {
		n.place = elsewhere
	}
	return n
}

// within returns the place of a name within an object.
func (n name) within(of subject) place {
	if n.place == elsewhere && n.bare && (of == ofPeople || of == ofAnything && n.id) {
		return idPlace
	}
	return n.place
}

// nameWords splits a field name into words in lower case: orderID, order_id and "Order Id"
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
