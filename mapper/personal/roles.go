package personal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words for people after whom properties are named, in the languages of tills. A value of one
// word is the person's name. whoSomebody are customers, whoServes the staff who serve them.
const (
	customerWords = `
		customer client buyer shopper patient guest purchaser payer payee tenant donor attendee passenger traveler traveller applicant recipe_for prescription_for
		prepared_for ordered_for reserved_for booked_for gift_for engraved_for present_for
		ordered_by booked_by reserved_by requested_by collected_by picked_up_by received_by signed_by paid_for_by pet_owner vehicle_owner car_owner next_of_kin guardian caregiver referred_by
		contact_person spouse husband wife sold_to
		kunde kundin kaeufer kaufer kaeuferin kauferin besteller bestellerin auftraggeber ansprechpartner kontakt patientin gast patienten rezept_fuer rezept_fur reserviert_fur reserviert_fuer bestellt_von abgeholt_von
		cliente clienta acheteur acheteuse patiente destine_a pour_client ordonnance_de ordonnance_pour conjoint conjointe opiekun opiekunka comprador compradora paciente receta_para pedido_para reservado_para
		acquirente paziente intestatario ricetta_per klant koper koopster klient klientka kupujacy nabywca pacjent pacjentka
		zakaznik zakaznice kupujici pacient pacientka kund kopare kober kjoper asiakas ostaja potilas musteri alici hasta
		clientul clientei cumparator cumparatorul pacientul ugyfel vasarlo vevo paciens zakaznicka kupujuci kupec stranka kupac pacijent
		khachhang nguoimua benhnhan pelanggan pembeli pasien
		клиент клиентка покупатель покупательница заказчик пациент пациентка клієнт клієнтка покупець замовник пацієнт пацієнтка купувач
		πελατησ πελατισσα αγοραστησ ασθενησ عميل عميلة زبون زبونة مشتري مريض לקוח לקוחה קונה מטופל מטופלת`
	staffWords = `
		cashier waiter waitress bartender barista stylist hairdresser barber beautician therapist doctor physician dentist nurse pharmacist optician
		salesperson salesman saleswoman salesclerk sales_rep sales_associate employee clerk shop_assistant technician mechanic
		served_by helped_by assisted_by handled_by sold_by rung_up_by performed_by treated_by cut_by processed_by
		kassierer kassiererin verkaeufer verkaufer verkaeuferin verkauferin verkaeufers verkaufers mitarbeiter mitarbeiterin bediener bedienung kellner kellnerin arzt aerztin arztin
		zahnarzt friseur friseurin friseuse berater beraterin bedient_von verkauft_von kassiert_von behandelt_von
		caissier caissiere vendeur vendeuse serveuse medecin coiffeur coiffeuse conseiller conseillere employe employee servi_par vendu_par
		cajero cajera vendedor vendedora camarero camarera mesero mesera medico medica peluquero peluquera empleado empleada dependiente dependienta
		atendido_por vendido_por cassiere cassiera commesso commessa cameriere cameriera parrucchiere parrucchiera dipendente venditore venditrice servito_da
		atendente garcom cabeleireiro cabeleireira funcionario funcionaria
		caissiere kassier kassiere kassamedewerker verkoper verkoopster medewerker kelner serveerster huisarts tandarts kapper kapster
		kasjer kasjerka sprzedawca sprzedawczyni pracownik kelnerka lekarz lekarka fryzjer fryzjerka doradca obslugujacy
		prodavac prodavacka prodejce zamestnanec zamestnankyne cisnik cisnice lekar lekarka kadernik kadernice
		kassor kassorska saljare servitor servitris lakare frisor anstalld ekspedient kassedame saelger selger laege lege sælgers saljarens medarbejder ansat ansatt
		kassanhoitaja myyja myyjan tarjoilija laakari kampaaja tyontekija kasiyer satici garson doktor hekim kuafor berber calisan satis_danismani
		casier casiera casierul vanzator vanzatorul vanzatoare angajat ospatar medicul frizer coafeza penztaros elado pincer orvos fodrasz alkalmazott
		predavac pokladnik prodajalec blagajnik konobar frizerka zdravnik lijecnik
		thungan nhanvien nhanvienbanhang bacsi kasir penjual pelayan dokter
		кассир продавец официант официантка врач доктор парикмахер сотрудник консультант медсестра касир продавець офіціант офіціантка лікар перукар працівник
		продавач сервитьор лекар ταμιασ πωλητησ πωλητρια σερβιτοροσ σερβιτορα γιατροσ κομμωτησ κομμωτρια υπαλληλοσ
		كاشير بائع بائعة نادل طبيب طبيبة موظف موظفة קופאי קופאית מוכר מוכרת מלצר מלצרית רופא רופאה עובד עובדת ספר`
)

// kinds are words for a kind of customer, not a name.
var kinds = func() map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(`
		new returning existing repeat retail wholesale vip gold silver bronze platinum diamond guest member members regular walkin online web ios android pos app
		mobile desktop browser kiosk till store instore yes no y n true false business private personal consumer trade internal external anonymous unknown none other
		default standard premium basic free loyalty registered unregistered cash generic adult child student senior staff employee company individual tourist local
		b2b b2c weight piece each meter metre kilo unit pack box takeaway delivery pickup summer winter spring autumn men women kids children home
		first frequent occasional active inactive lapsed lead prospect self shopify magento woocommerce chrome firefox safari edge windows linux macos ipad iphone
		neu neukunde bestandskunde stammkunde laufkunde privat privatkunde geschaeftskunde geschaftskunde gewerblich firma ja nein anonym
		nouveau nouvelle fidele particulier professionnel pro entreprise oui non nuevo nueva habitual particular empresa si recurrente
		nuovo nuova abituale privato azienda novo nova nieuw vast zakelijk nowy staly firmowy detaliczny novy staly ny fast privatperson uusi vakio yeni kurumsal bireysel evet hayir
		новый постоянный розничный оптовый да нет νεοσ ναι οχι جديد כן לא חדש 新規 リピーター 一般 会員 新客 老客 会员 散客 신규 재방문 회원 비회원 ใหม่`) {
		out[string(appendFold(nil, w))] = true
	}
	return out
}()

// IsPersonName reports whether the value of a property named after a person can be that person's
// name: it has letters and is neither a code nor a kind of customer.
func IsPersonName(text string) bool {
	if len(text) > maxName {
		return true
	}
	text = strings.TrimSpace(text)
	if words := Words(text); words == 0 || words > 1 && strings.ContainsAny(text, " \u3000") {
		return words > 0
	}
	var room [64]byte
	w := appendFold(room[:0], text)
	return !strings.ContainsAny(text, "0123456789") && !kinds[string(w)]
}

// IsNameLike reports whether a text is written like a name: one to four words, each starting
// with a capital letter if its script has capitals.
func IsNameLike(text string) bool {
	words := 0
	for w := range strings.FieldsSeq(text) {
		if words++; words > 4 || !startsName(w) {
			return false
		}
	}
	return words > 0 && IsPersonName(text)
}

func startsName(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.IsLetter(r) && !unicode.IsLower(r)
}
