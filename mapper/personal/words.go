package personal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is what a word in a property name reveals about the value.
type class uint16

const (
	// strong words mean personal data in any context, unless the name ends in an about word:
	// phone, but not phone_model.
	strong class = 1 << iota
	// weak words mean personal data alone or among person, link and strong words: customer_mail,
	// but not mail_order.
	weak
	// person words name a person. With a naming or place word they are personal.
	person
	// naming words mean "name". Alone, the name is a product's.
	naming
	// partial words make a name that of a person: first, family.
	partial
	// birth words are personal alone, or with a date or person word.
	birth
	date
	// place words are personal in properties of the event itself and of a person.
	place
	// link words have no meaning of their own: of, to, number.
	link
	// about words at the end mean that the value describes the data and is not the data: type,
	// consent.
	about
	// thing words make a name not a person's: product_name, customer_group_name.
	thing
	// half words at the end mean half of a person's name, in properties of the event itself and
	// of a person: first, customer_last.
	half
	// who words alone mean that the value is the name of a person, even a single word: Kunde
	// "Stone". They are also person words.
	who
	// surname words are who words that are also surnames. Masked views do not show them.
	surname
)

// lists are the words of each class in the languages of tills: en, de, fr, es, it, pt, nl, pl,
// cs, sv, da, nb, fi, tr, and ja and zh in Latin letters; further down ru, uk, bg, el, ar, he,
// ro, hu, sk, sl, hr, vi and id. They are compared in the form of appendFold.
var lists = []struct {
	class class
	words string
}{
	{strong, `
		email emails emailaddress phone phones phonenumber telephone telephonenumber telno firstname lastname fullname surname surnames forename forenames
		middlename maidenname familyname givenname nickname username customername birthday birthdate birthyear birthmonth birthplace
		dateofbirth dob address addresses addr streetaddress addressline street streetname housenumber houseno ipaddress ethnicity
		cardholder cardholdername nameoncard cellphone mobilephone homephone workphone voicemail whatsapp wechat wechatid recipient recipients
		addressee consignee ssn socialsecurity passport passportno nationalid driverslicense drivinglicence driverlicense iban
		creditcardnumber cvv cvc remoteaddr remoteip mobilenumber faxnumber yearofbirth monthofbirth dayofbirth placeofbirth
		driverlicenseno driverlicensenumber driverslicenseno driverslicensenumber drivinglicenceno drivinglicencenumber
		fname lname mname bday yob msisdn socialsecuritynumber taxid licenseplate licenceplate numberplate password passwd`},
	{strong, `
		vorname vornamen nachname nachnamen familienname geburtsname zuname rufname spitzname geburtstag geburtsdatum geburtsort geburtsjahr
		telefon telefonnummer telefonnr handynummer handynr mobilnummer mobilnr mobiltelefon festnetz festnetznummer rufnummer durchwahl
		faxnummer anschrift adresse adressen adresszeile adresszusatz strasse strassenname hausnummer hausnr mailadresse anrede empfaenger
		empfanger geschlechtsname maedchenname madchenname rufnr ausweisnummer personalausweis steuernummer sozialversicherungsnummer karteninhaber emailkunde reisepass reisepassnummer passnummer steuerid versichertennummer versichertennr krankenversichertennummer passwort autokennzeichen kfzkennzeichen`},
	{strong, `
		prenom prenoms nomdefamille nomfamille patronyme nomcomplet naissance datenaissance datedenaissance anniversaire numtel courriel
		adressedelivraison rue numerorue civilite destinataire numerodesecu numerodesecuritesociale numerosecu securitesociale numsecu titulartarjeta titulardelatarjeta
		apellido apellidos primerapellido segundoapellido nombrecompleto tfno tlfno nacimiento fechanacimiento fechadenacimiento cumpleanos telefono
		telefonos movil celular correo correoelectronico direccion direcciones domicilio calle curp cedula destinatario
		cognome cognomi nomecompleto nascita datanascita datadinascita compleanno cellulare indirizzo indirizzi codicefiscale codfiscale
		postaelettronica recapito recapiti viacivico numerocivico
		sobrenome apelido nascimento datanascimento datadenascimento aniversario telefone telefones telemovel endereco enderecos morada
		logradouro rua cpf`},
	{strong, `
		voornaam voornamen achternaam achternamen tussenvoegsel roepnaam geslachtsnaam mobielnr mobielenummer woonadres huisadres geboortedatum geboortejaar geboorteplaats verjaardag telefoonnummer
		telefoon mobielnummer gsmnummer emailadres mailadres adres straat straatnaam huisnummer huisnr aanhef bsn ontvanger
		imie imiona nazwisko imieinazwisko urodzenia urodziny telefonu nip komorka komorkowy komorkowego adresu ulica ulicy pesel odbiorca
		jmeno krestnijmeno prijmeni narozeni narozeniny telefonni mobilni telefonnicislo adresa adresy ulice cislopopisne rodnecislo
		osloveni prijemce bydliste`},
	{strong, `
		fornamn efternamn fodelsedatum fodelsedag fodelsear mobiltelefonnummer epost epostadress adress adressrad gatuadress gata gatunamn hemadress personnr
		personnummer mejl mejladress mottagare telefonnumer
		fornavn efternavn etternavn mellemnavn mellomnavn fodselsdato fodselsdag fodseldato tlfnr tlf epostadresse vejnavn gade gadenavn
		husnummer cprnummer cpr fodselsnummer gateadresse gatenavn modtager mottaker
		etunimi etunimet sukunimi sukunimet kokonimi lempinimi syntymaaika syntymapaiva syntymavuosi puhelin puhelinnumero puhelimen puhnro
		matkapuhelin matkapuhelinnumero kannykka sahkoposti sahkopostiosoite osoite katuosoite postiosoite lahiosoite henkilotunnus hetu
		vastaanottaja
		soyad soyadi soyisim adsoyad adisoyadi isimsoyisim dogumtarihi dogumgunu telefonno ceptelefonu ceptel eposta adresi sokak tckimlik
		tckn kimlik kimlikno tcno alici`},
	{strong, `
		denwa denwabango keitaidenwa jusho juusho shimei seinengappi tanjobi tanjoubi
		dianhua dianhuahaoma shouji shoujihao dizhi xingming youxiang shengri shenfenzheng lianxiren shouhuoren`},
	{weak, `
		mail mails mobile mobil cell tel fax ip sex gender handy contactno phoneno login signature cardnumber cardno salutation
		portable portabel mobiel mobiele fone gsm mobilen cep cel gsmno eadresse cislotelefonu apt apartment dni nif nie rg rut
		geschlecht sexe genre sexo genero genere sesso geslacht plec pohlavi kon kjonn sukupuoli cinsiyet seibetsu xingbie puh katu vej
		ville_de_naissance e_mail postadress postfach`},
	{person, `
		customer customers cust custs client clients buyer buyers shopper user guest person member contact payer payee holder owner sender attn
		attention patient passenger attendee traveler traveller student parent child spouse wife husband partner friend emergency caller
		visitor subscriber applicant cashier employee staff clerk salesperson salesman waiter technician insured tenant donor purchaser
		driver doctor stylist therapist billing shipping ship bill sold deliver delivery invoice mailing home residential residence
		personal private my your his her traits people persons
		besteller bestellers kunde kunden kundin kaeufer kaufer rechnung rechnungs liefer lieferung lieferungs versand gast mitglied
		mitglieds privat ansprechpartner kontakt kontakts inhaber mitarbeiter verkaeufer verkaufer kassierer
		acheteur livraison facturation facture titulaire beneficiaire adherent caissier vendeur domicile
		cliente clientes comprador titular envio facturacion entrega socio huesped cajero vendedor usuario contacto
		acquirente spedizione fatturazione consegna intestatario ospite socia utente contatto cassiere
		faturamento faturacao utilizador contato caixa
		klant klanten koper bezorg bezorging factuur lever levering verzend gebruiker kaarthouder medewerker
		klient klienta klientka kupujacy kupujacego nabywca nabywcy dostawa dostawy faktura faktury wysylki uzytkownik uzytkownika posiadacz
		kontaktowy kontaktowa zakaznik zakaznika kupujici doruceni dodaci dorucovaci fakturacni uzivatel uzivatele drzitel kontaktni
		kund kundens kopare leverans fakturerings mottagarens medlem medlems anvandare kortinnehavare
		kundes koeber kober leverings fakturering bruger kjoper kjopers leveranse brukers bruker kortholder
		asiakas asiakkaan ostaja ostajan toimitus laskutus vastaanottajan jasen jasenen kayttaja kayttajan tilaaja tilaajan maksaja
		musteri musterinin alicinin teslimat fatura uye kullanici gonderen gonderi
		kokyaku okyaku huiyuan kehu`},
	{naming, `name names nombre nombres nom noms nome nomi naam namen navn namn nimi nimen isim adi namae mei mingzi`},
	{partial, `first last full middle given family maiden legal nick preferred primer segundo completo completa complet vor nach familien cele koko display primeiro pickup lead profile f l`},
	{half, `first last given middle`},
	{who, customerWords},
	{who, staffWords},
	{birth, `born geburts geburt birth geboorte fodelse fodsels fodsel syntyma dogum birthday`},
	{date, `date datum day month year tag jahr monat dag ar dato data fecha dia rok dzien den paiva aika vuosi tarihi gunu yili place ort city country`},
	{place, `
		city town state province county zip zipcode postal postcode country stadt wohnort plz postleitzahl bundesland land ville codepostal
		pays departement ciudad provincia pais poblacion localidad municipio citta comune paese cidade freguesia bairro distrito
		plaats woonplaats gemeente postnummer postnr poststed postort miasto miejscowosc wojewodztwo kraj kodpocztowy mesto psc zeme obec kommun
		kaupunki postinumero postitoimipaikka maa sehir ilce ulke mahalle postakodu todofuken shikuchoson yubinbango chengshi shengfen youbian`},
	{link, `
		to on for of the an and or by no nr num number numbers nummer numer numero numeros numara numarasi cislo code codigo codice
		kod kodu kode koodi id ids line lines row field value text raw de du des del della di do da dos das der die den dem van voor von vom
		zu zur im am primary secondary main alternate alt other new old current default info data details work office business day
		evening landline local national international entered stated recent last first second third original formatted normalized clean
		plus hash hashed sha256 md5 sha1 sha ext extension extra part string unique remote el la le les los las av til fran och og ja ve
		postal pocztowy postale post postakodu postni smerovaci full home private privat perso fixe fijo fisso fixo a e o y i`},
	{about, `
		type types kind case cases cover covers model models accessory accessories brand brands plan plans charger chargers stand os
		color colour size sizes style styles screen required verified verification optin optout opt in out consent consents count counts counter valid
		validated validity category categories system systems price prices insurance repair repairs order orders campaign campaigns
		subject template templates subscribed subscription subscriptions marketing newsletter frequency format enabled allowed
		preference preferences permission status app version device sdk card cards cake cakes gift gifts discount discounts coupon
		coupons offer offers party promo promotion voucher vouchers club bonus reward rewards provided present exists available channel
		channels language lang currency priority score quality rating protection level tier segment group groups
		typ typs typen tipo art modell hulle huelle zubehor zubehoer vertrag tarif farbe anzahl einwilligung erlaubnis
		modele coque couleur consentement abonnement modelo funda consentimiento cantidad estado modello custodia consenso colore capa
		cor hoesje toestemming aantal merk etui zgoda kolor ilosc souhlas barva pocet skal samtykke antal farve antall farge
		suostumus vari maara kilif onay renk source sold sent`},
	{thing, `
		streetdate streetdates hometown hometowns
		product products item items sku brand brands store stores shop shops outlet branch register till terminal pos device category
		categories company companies organisation organization business vendor supplier manufacturer merchant group groups segment
		segments type types method methods carrier carriers option options service services tier level levels list lists program
		programme plan provider zone center centre location warehouse screen page event campaign file field table source channel app
		application host domain agent template coupon promo promotion discount offer collection variant model series color colour
		material style artist author title album song movie game team league region district department position role bundle kit set
		tax fee payment currency language label iphone smartphone membership ownership partnership dealership relationship leadership token session
		produkt produkte artikel artikels marke laden filiale firma firmen gruppe lieferant hersteller versandart lieferart zahlungsart
		produit magasin boutique marque entreprise societe groupe producto tienda marca empresa grupo prodotto negozio azienda gruppo
		produto loja winkel bedrijf groep sklep towar marka firmy grupa obchod zbozi znacka firmu skupina butik varumarke foretag butikk
		vare merke tuote kauppa merkki yritys ryhma urun magaza sirket grup kampanya`},
	{strong, `
		телефона телефону телефоном мобильный мобильного фио имяфамилия рождения рожденье адрес адреса почта почты электроннаяпочта емейл емайл имейл эмейл
		паспорт паспорта инн снилс получатель получателя улица улицы квартира прізвище побатькові народження пошта отримувач отримувача вулиця фамилна
		рождена раждане получател улицата
		τηλεφωνο τηλεφωνου κινητο επωνυμο επιθετο ονοματεπωνυμο διευθυνση γεννησησ γεννηση παραληπτησ οδοσ αφμ αμκα πατρωνυμο
		هاتف جوال موبايل ايميل ميلاد لقب هوية
		טלפון נייד סלולרי אימייל כתובת רחוב לידה זהות תז`},
	{strong, `
		prenume prenumele nastere nasterii cnp strada destinatar destinatarul numelefamilie
		vezeteknev keresztnev utonev csaladnev teljesnev ugyfelnev vevonev telefonszam mobilszam lakcim szallitasicim szamlazasicim szuletesi szuletes
		szuletesnap adoszam adoazonosito tajszam utca hazszam cimzett
		priezvisko prezime priimek narodenia rodenja rojstva rodjenja datumrodenja datumrojstva
		hoten hovaten tenkhachhang tennguoimua tennguoinhan tenkhach sodienthoai dienthoai sdt diachi diachigiaohang diachigiao ngaysinh gioitinh thudientu cccd cmnd
		namalengkap namadepan namabelakang namapelanggan telepon nomortelepon notelepon nohp nomorhp alamat tanggallahir jeniskelamin`},
	{weak, `пол стать емейлы мейл φυλο عنوان جنس بريد البريدالالكتروني מין מייל cim naslov`},
	{person, `
		seller sellers staff reseller landlord
		клиенту клиентом покупателю заказчика пациента кассира продавца официанта врача сотрудника клиента покупателя клієнта покупця пацієнта касира продавця
		лікаря купувача πελατη πελατων ασθενουσ العملاء الزبائن לקוחות clientului cumparatorului clienta vanzatorului ugyfele vasarloi
		zakaznika kupca stranke pelanggan pembeli`},
	{naming, `имя имени ім я імя име наименование ονομα اسم שם nume numele nev neve meno ime imena nama`},
	{partial, `полное первое повне πληρεσ كامل اول اخير ثاني عائلة פרטי משפחה מלא familie intreg teljes`},
	{place, `
		город города индекс область страна місто країна град държава πολη πολησ χωρα νομοσ τκ مدينة دولة محافظة עיר מדינה מיקוד
		oras orasul judet judetul tara codpostal iranyitoszam varos orszag megye thanhpho kota kodepos provinsi`},
	{link, `номер номера код дата no από του της ο η رقم תאריך מספר של data numarul szam szama szamla nomor`},
	{about, `согласие тип модель вид подписка συγκαταθεση τυποσ نوع موافقة סוג הסכמה consimtamant hozzajarulas tipus loai jenis`},
	{thing, `
		товар товара товару продукт продукта магазин магазина магазину бренд бренда марка категория категорії компания компании компанії компанія группа группы
		продукту προιον προιοντοσ προιοντα καταστημα καταστηματοσ μαρκα εταιρεια منتج منتجات متجر ماركة شركة فرع צוות מוצר מוצרים חנות מותג חברה סניף
		produs produsul produse magazinul magazinului termek bolt uzlet ceg cikk vyrobok predajna izdelek trgovina proizvod sanpham cuahang toko merek barang`},
}

var words = func() map[string]class {
	out := map[string]class{}
	for _, l := range lists {
		for w := range strings.FieldsSeq(l.words) {
			w = string(appendFold(nil, strings.ReplaceAll(w, "_", "")))
			c := l.class
			if c&who != 0 {
				c |= person
				if out[w]&^(who|person) == 0 && out[w]&person == 0 {
					c |= surname
				}
			}
			out[w] |= c
			if article := articleOf(w); article != "" {
				out[article+w] |= c
			}
		}
	}
	return out
}()

// articleOf returns the definite article that Arabic and Hebrew attach to the front of a word.
func articleOf(w string) string {
	switch r, _ := utf8.DecodeRuneInString(w); {
	case unicode.Is(unicode.Arabic, r):
		return "ال"
	case unicode.Is(unicode.Hebrew, r):
		return "ה"
	}
	return ""
}

// whole are complete names that are personal, but whose words would be too general in other
// names; wholePlaces only where a place is, and wholeTheirs, which are also English words, only
// for a person.
var (
	whole = set(`fn ln co pobox contactnumber contactnum mobno phno phonenum smsnumber cellno creditcard gebdatum gebdat geb fechanac fecnac datanasc dtnasc
		dataur datumnar nomusage nomdusage isim postbus apartadopostal`)
	wholePlaces = set(`ort plzort stad cp voie nrdomu nrmieszkania il suite`)
	wholeTheirs = set(`via cap by stat line lines unit nick alias`)
)

func set(text string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		out[w] = true
	}
	return out
}

// Names in scripts without blanks: a name that contains one of these is personal, unless it
// contains one of scriptThings.
var (
	scripts = folded(`氏名 お名前 苗字 名字 姓名 フリガナ ふりがな 電話 携帯 メール メアド 住所 番地 生年月日 誕生日 性別 顧客名 客様 会員名
		届け先 宛名 宛先 配送先 送付先 請求先 受取人 担当者名 患者名 ユーザー名 マイナンバー パスポート
		会员名 會員名 連絡先 メルアド 电话 電話 手机 手機 邮箱 郵箱 电邮 電郵 邮件 郵件 信箱 地址 收货人 收貨人 收件人 联系人 聯絡人 联系方式 生日 出生 性别 身份证
		身分證 护照 護照 微信号 微信 街道 门牌 客户名 客戶名 顾客名 顧客姓 会员姓 用户名 用戶名 會員名 昵称 暱稱 住址 传真 座机
		телефон фамил отчеств рожден
		성명 성함 고객명 고객이름 회원명 구매자명 주문자명 수령인 받는사람 받는분 전화번호 휴대폰번호 휴대폰 핸드폰 연락처 이메일 주소 생년월일 생일 성별 주민등록번호
		주민번호 여권 카카오톡아이디 담당자명 직원명
		นามสกุล ชื่อลูกค้า ชื่อผู้ ชื่อเต็ม ชื่อพนักงาน เบอร์โทร เบอร์มือถือ โทรศัพท์ มือถือ อีเมล ที่อยู่ วันเกิด เพศ ผู้รับ บัตรประชาชน`)
	scriptsAlone = folded(`姓 名 名前 セイ メイ カナ 氏 имя 전화 메일 เบอร์`)
	scriptsWho   = folded(`顧客 お客様 お客さま 購入者 購買者 注文者 患者 担当 担当者 レジ担当 レジ担当者 店員 販売員 スタッフ 医師 客户 客戶 顾客 买家 買家 收银员 收銀員 店员 售货员 导购 导购员 医生
		고객 고객님 구매자 주문자 손님 환자 캐셔 점원 직원 판매원 의사 담당자 ลูกค้า ผู้ซื้อ ผู้ป่วย คนไข้ พนักงาน พนักงานขาย แคชเชียร์ แพทย์`)
	scriptPlaces = folded(`郵便番号 都道府県 市区町村 市町村 国名 国籍 国 県 市 邮编 郵編 邮政编码 郵遞區號 城市 省份 省 县 區 州 国家 國家 이름 우편번호 도시 시도 시군구 국가 국적
		ชื่อ เมือง จังหวัด อำเภอ รหัสไปรษณีย์ ประเทศ`)
	scriptThings = folded(`商品 品名 店 ブランド ケース 型号 机型 機種 型番 カバー 壳 殼 回数 件数 订阅 訂閱 同意 種類 类型 類型 メール便 宅配便 カテゴリ 品牌 数量 數量
		颜色 顏色 プラン 套餐 充电 状态 会社 чехол чехла модель товар
		상품 제품 매장 점포 브랜드 카테고리 케이스 수량 색상 회사 수신동의 동의 등급 유형 기종 요금제 สินค้า ร้าน แบรนด์ หมวด รุ่น เคส บริษัท ประเภท ยินยอม`)
)

func folded(text string) (out []string) {
	for w := range strings.FieldsSeq(text) {
		out = append(out, composed(appendFold(nil, w)))
	}
	return out
}
