package match

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"relay/mapper/fold"
)

// placeholders are values that no customer has (docs/contract.md 5.2), in the form of
// fold.Squash. Words that are also names are missing on purpose: Cash, Anon, Nan, Na, Nil, Foo,
// Gast, Kunde, Tester, Void, Blank, Private. docs/contract.md requires guest, test, none and
// null.
var placeholders = wordSet(`
	none null undefined unknown guest test
	notavailable notapplicable notprovided notgiven nonegiven noneprovided notknown notspecified unspecified notset unset notonfile
	noname nofirstname nolastname nosurname noemail nomail noemailgiven noemailaddress donthaveemail nophone nonumber noaddress nodata noinfo
	novalue noentry nocustomer nobody 
	anonymous anonym anonyme anonimo anonymus anonymized anonymised
	walkin walkincustomer walkinguest walkinclient walkins
	cashcustomer cashsale cashsales cashclient cashonly cashaccount countersale countersales
	customer valuedcustomer retailcustomer instorecustomer storecustomer poscustomer newcustomer oldcustomer defaultcustomer generalcustomer
	guestuser guestcustomer guestcheckout unknowncustomer unknownuser unknownname testuser testcustomer testaccount testperson testname
	testing testtest testtesttest dummy dummyuser dummycustomer samplecustomer example
	firstname lastname surname fname lname fullname yourname givenname familyname username emailaddress phonenumber
	declined refused refusedtogive wontgive prefernottosay optedout donotcontact deleted redacted removed gdpr gdprdeleted
	missing empty tbd tba tbc default
	unbekannt unbekannter keineangabe keinname ohnename laufkunde laufkundschaft barverkauf barkunde testkunde
	inconnu inconnue aucun aucune nonrenseigne nonfourni clientcomptant clientpassage clientdepassage clientanonyme
	desconocido desconocida ninguno ninguna sinnombre sincorreo sinemail clientegenerico publicoengeneral consumidorfinal mostrador
	desconhecido desconhecida nenhum nenhuma semnome clientepadrao
	sconosciuto sconosciuta nessuno nessuna onbekend onbekende nieznany ukjent okänd tuntematon
	objectobject objectundefined objectnull
	asdf asdfg asdfgh asdfghjkl qwerty qwertz qwert azerty abc abcd abcde abcdef xyz abc123 asd asdasd lorem loremipsum
	неизвестно неизвестный нет аноним тест гость
	なし 不明 テスト ゲスト 無し 未知 无 無 测试 測試 没有 미상 없음 테스트
	غيرمعروف لايوجد
	散客 散户 散戶 零售客户 零售客戶 现金客户 普通客户 一般客户 游客 访客 匿名 匿名客户 过路客 一般客 一般顧客 現金客 匿名様 名無し 비회원 손님 일반고객 익명
	gastkunde gastkunden kassenkunde kassakunde einmalkunde standardkunde passantenkunde dummykunde diversekunden cpd cpdkunde
	clientecontado clientemostrador clientebalcao consumatorefinale klientdetaliczny perakendemusteri kontantkund kontantkunde
`)

// The default customer of a till has two or more words. One means customer, the others qualify
// it: Gast Kunde, Cliente Varios, Público General. The words are in the form of fold.Letters.
// Some of them are surnames when they stand alone.
var (
	anyCustomer = letterSet(`customer customers client clients cliente clientes kunde kunden kundin klient klienci klant klanten zakaznik kund asiakas musteri
		consumer consumidor consommateur consumatore publico buyer comprador acheteur shopper gast account konto compte cuenta conto rekening
	покупатель клиент заказчик покупець клієнт купувач πελάτης عميل زبون לקוח zakaznik ugyfel vevo kupac kupec pelanggan pembeli cumparator khach
	ลูกค้า kunder klientas`)
	kindsOfCustomer = letterSet(`pos till kasse kassa caisse caixa caja cash bar barzahler retail general generic default standard anonymous unknown misc miscellaneous various sundry
		one time onetime once casual counter walk in walkin guest test dummy temp temporary occasional
		gast diverse divers diverser verschiedene einmal einmalig laden theke unbekannt anonym sonstige
		varios vario generico generica contado mostrador en final anonimo desconocido eventual ocasional tienda
		comptoir comptant passage de du anonyme inconnu occasionnel magasin
		balcao avulso padrao loja diversos generici vari occasionale negozio banco anonimo
		detaliczny jednorazowy anonimowy gotowkowy losse diverse anoniem winkel contant balie
		hotovostni anonymni kontant butik tillfallig satunnainen kateis perakende pesin genel tekseferlik house haus barverkauf lauf maison casa
	розничный розничная частный разовый случайный общий наличный анонимный неизвестный магазина роздрібний випадковий анонімний готівковий клиентский
	λιανικής ανώνυμος περαστικός نقدي نقدا عام عابر مجهول نقدية מזדמן מזומן כללי אנונימי
	jednorazovy anonym alkalmi keszpenzes nevtelen ocazional numerar anonim gotovinski povremeni nepoznat umum tunai le vanglai ทั่วไป เงินสด`)
)

// IsDefaultCustomer reports whether texts have several words in all, each of which means
// customer or a kind of customer, with at least one for customer.
func IsDefaultCustomer(texts ...string) bool {
	customer, kind := 0, 0
	for _, s := range texts {
		if len(s) > 40 || len(texts) == 1 && !strings.ContainsAny(s, " -_./") || strings.Contains(s, "@") {
			return false
		}
		for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !fold.IsWordy(r) }) {
			switch f := fold.Letters(w); {
			case anyCustomer[f]:
				customer++
			case kindsOfCustomer[f]:
				kind++
			default:
				return false
			}
		}
	}
	return customer > 0 && customer+kind > 1 && (kind > 0 || customer > 1)
}

// soleCustomers are words that tills enter as a first name or full name when there is no
// customer. After a first name some are surnames: Anna Kunde.
var soleCustomers = letterSet(`gast gaeste kunde kundin passant passantin kassenbon bon beleg quittung gosc klient klientka paragon paragonik fiskalny zakaznik host uctenka
	client cliente clienta clientes passante visiteur invite ticket recibo scontrino ospite huesped invitado hospede utente klant passant bezoeker kassabon
	kund gast gaest gjest kvitto kvittering asiakas vieras kuitti musteri misafir fis buyer purchaser visitor shopper receipt
	покупатель клиент гость посетитель чек покупець клієнт гість чекфискальный купувач πελάτης επισκέπτης απόδειξη
	عميل زبون ضيف לקוח אורח קבלה ugyfel vevo vendeg oaspete bonfiscal khach khachle khachhang pelanggan kupac kupec gost
	客 お客様 お客さま 顧客 客人 顾客 客户 客戶 고객 고객님 손님 ลูกค้า`)

// IsSoleCustomer reports whether the normal form of a first name without last name is a word
// for customer.
func IsSoleCustomer(form string) bool { return soleCustomers[fold.Letters(form)] }

// noAddress are words for "none" in fields for addresses and phone numbers. Some are names of
// people: Brak.
var noAddress = wordSet(`
	brak brakdanych brakemail brakemaila brakadresu niedotyczy niepodano nieposiada nd
	keine kein keiner keineemail keinemail keinetelefonnummer keineangaben ka ohne entfaellt entfällt nichtbekannt nichtangegeben nichtvorhanden
	yok bilinmiyor belirtilmemiş belirtilmemis girilmedi
	nondisponibile nondichiarato nonfornito nonpresente
	ingen ingenemail saknas ejangivet ikkeoppgitt ikkeangivet puuttuu eiole eiilmoitettu
	žádný zadny není neni neuvedeno nezadáno nezadano nemá nema nincs nincsmegadva
	geen geenemail nvt nietvantoepassing nietopgegeven
	sememail semtelefone nãotem naotem notiene nocorreo notelefono sintelefono
	nonrenseigné nonrenseignée néant neant nc pasdemail pasdetelephone sansemail
	неуказано неуказан отсутствует 無邮箱 无邮箱 ー
	unavailable false true ref value none nope no non nein nie não
`)

// isNoAddress reports whether a value without digits and @ is a word for "none", in a field for
// addresses or phone numbers.
func isNoAddress(s string) bool {
	if strings.ContainsAny(s, "@0123456789") {
		return false
	}
	var buf [64]byte
	return noAddress[string(fold.AppendSquash(buf[:0], s))]
}

// placeholderWords form placeholders together: "Test Customer", "Unknown User".
var placeholderWords = wordSet(`none null undefined unknown guest test anonymous customer user client shopper visitor dummy no name first last
	n a not given provided available email phone account walk in cash sale default person `)

// caseSensitive are placeholders only in this spelling. Capitalised they are names (Nan Goldin,
// the surname Na).
var caseSensitive = map[string]bool{"nan": true, "NaN": true, "na": true, "NA": true, "nil": true, "NIL": true, "none": true}

// wordSet returns the set of the words in a text.
func wordSet(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// letterSet is wordSet for words in the form of fold.Letters.
func letterSet(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[fold.Letters(w)] = true
	}
	return m
}

// IsPlaceholder reports whether a clean, non-blank value identifies no customer.
func IsPlaceholder(s string) bool {
	if caseSensitive[s] || isTemplate(s) || isSheetError(s) {
		return true
	}
	var buf [64]byte
	q := string(fold.AppendSquash(buf[:0], s))
	if len(q) < len(s) && (q == "na" || q == "nil" || q == "nan" || q == "nn") && !startsUpperWord(s) {
		return true // n/a, N.A., #N/A, (nil), N.N.
	}
	return isPlaceholderForm(q) || manyPlaceholders(s)
}

// keyboardWords are typed to fill in a name, but could be real ids in a shop.
var keyboardWords = wordSet("abc abcd abcde abcdef xyz abc123 asd asdasd asdf asdfg asdfgh asdfghjkl qwerty qwertz qwert azerty example default")

// IsPlaceholderID is IsPlaceholder for a shop's own id. Ids such as user1, test123 and AAA are
// accepted.
func IsPlaceholderID(s string) bool {
	var buf [64]byte
	q := string(fold.AppendSquash(buf[:0], s))
	switch {
	case caseSensitive[s], isTemplate(s), isSheetError(s), q == "", q == "na", q == "nil", q == "nan", onlyOf(q, "x"), onlyOf(q, "0"):
		return true
	}
	return placeholders[q] && !keyboardWords[q]
}

// isPlaceholderForm is IsPlaceholder for a text in the form of fold.Squash.
func isPlaceholderForm(q string) bool {
	if q == "" || placeholders[q] {
		return true // --- ... ??? or a listed word
	}
	if onlyOf(q, "x") || onlyOf(q, "0") || onlyOf(q, "x0") {
		return true
	}
	if r, size := utf8.DecodeRuneInString(q); fold.IsLetterish(r) && len(q) >= 3*size && strings.Trim(q, string(r)) == "" && r < 0x2E80 {
		return true // aaa, zzzz
	}
	if bare := strings.TrimRight(q, "0123456789"); len(bare) < len(q) && (bare == "test" || bare == "guest" || bare == "customer" || bare == "user" || bare == "dummy") {
		return true // test123, Guest 4
	}
	return false
}

// manyPlaceholders reports whether s has several words, all of them placeholderWords or
// placeholders and at least one a placeholder.
func manyPlaceholders(s string) bool {
	if !strings.ContainsAny(s, " -_./") {
		return false
	}
	words, core := 0, false
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return !fold.IsWordy(r) }) {
		words++
		var buf [32]byte
		q := fold.AppendSquash(buf[:0], w)
		if placeholders[string(q)] {
			core = true
		} else if !placeholderWords[string(q)] {
			return false
		}
	}
	return words > 1 && core
}

// startsUpperWord reports whether s starts with a capital and a small letter, as a name does.
func startsUpperWord(s string) bool {
	return len(s) >= 2 && 'A' <= s[0] && s[0] <= 'Z' && 'a' <= s[1] && s[1] <= 'z'
}

// isTemplate reports whether s is a variable that a template engine did not replace.
func isTemplate(s string) bool {
	switch {
	case strings.HasPrefix(s, "{{"), strings.HasPrefix(s, "${"), strings.HasPrefix(s, "<%"), strings.HasPrefix(s, "*|"):
		return true
	case len(s) > 2 && s[0] == '%' && s[len(s)-1] == '%':
		return true
	}
	return false
}

// isSheetError reports whether s is the result of a failed spreadsheet formula, in any
// language: #REF!, #NAME?, #DIV/0!, #WERT!, #¿NOMBRE?
func isSheetError(s string) bool {
	if len(s) < 4 || s[0] != '#' || s[1] == '0' || s[len(s)-1] != '!' && s[len(s)-1] != '?' {
		return false
	}
	return strings.IndexFunc(s[1:len(s)-1], func(r rune) bool {
		return !unicode.IsUpper(r) && r != '/' && r != '0' && r != '¿' && r != '¡' && r != '.'
	}) < 0
}

// onlyOf reports whether s is not empty and has only characters in chars.
func onlyOf(s, chars string) bool { return s != "" && strings.Trim(s, chars) == "" }
