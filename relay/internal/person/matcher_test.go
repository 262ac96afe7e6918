package person

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"relay/mapper"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func parseMapping(t *testing.T, src string) *mapper.Mapping {
	t.Helper()
	m, _, err := mapper.Parse("mapping.yaml", []byte("version: 1\nevents: { E: \"701\" }\n"+src), mapper.WithSecret(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func names(t *testing.T, lines ...string) []Name {
	t.Helper()
	n, err := Parse(lines)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// everybody are lines, each with events about the person it identifies, and with events of
// other people.
var everybody = []struct {
	line    string
	is, not []string
}{
	{
		"ada@x.example",
		[]string{
			`{"context":{"traits":{"email":"ada@x.example"}}}`,
			`{"context":{"traits":{"email":" ADA@X.Example "}}}`,
			`{"context":{"traits":{"email":"mailto:ada@x.example"}}}`,
			`{"context":{"traits":{"email":"Ada Lovelace <ada@x.example>"}}}`,
			`{"context":{"traits":{"email":"a\u200bda@x.example"}}}`,
			`{"context":{"traits":{"email":"\uff41da\uff20x.example"}}}`,
			`{"context":{"traits":{"email":"ada@x.example."}}}`,
			`{"context":{"traits":{"email":"` + hash("ada@x.example") + `"}}}`,
			`{"context":{"traits":{"email":"` + strings.ToUpper(hash("ada@x.example")) + `"}}}`,
			`{"properties":{"hashed":"` + hash("ada@x.example") + `"}}`,
			`{"properties":{"emails":"bo@x.example,ada@x.example"}}`,
			`{"properties":{"note":"write to ada@x.example, please"}}`,
			`{"properties":{"note":"write to Ada@x.example."}}`,
			`{"properties":{"ada@x.example":true}}`,
			`{"properties":{"raw":"{\"who\":\"\\u0061da@x.example\"}"}}`,
			`{"properties":{"raw":"[[\"{\\\"ADA@x.example\\\":1}\"]]"}}`,
			`{"messageId":"ada@x.example-o1"}`,
			`{"messageId":"o1/ada@x.example"}`,
			`{"properties":{"order_id":"ada@x.example#7"}}`,
			`{"userId":"ada@x.example"}`,
			`{"context":{"page":{"url":"https://shop.example/?e=ada%40x.example&b=1"}}}`,
			`{"context":{"traits":{"email":"bo@x.example"}},"context":{"traits":{"email":"ada@x.example"}}}`,
			`{"context":{"traits":{"email":"ada@x.example"}},"context":{}}`,
			`{"properties":{"note":"ada&#64;x.example and ada&commat;x.example"}}`,
			`{"context":{"page":{"url":"https://shop.example/?r=%2Fin%3Fe%3Dada%252540x.example"}}}`,
			`["ada@x.example"]`,
			`"ada@x.example"`,
			`ada@x.example`,
			`{"email":"ada@x.example`,
			`{"email":"\u0061da@x.example`,
			`{} {"email":"ada@x.example"}`,
			"{\"email\":\"ada@x.example\",\"b\":\"\xff\"}",
		},
		[]string{
			`{"context":{"traits":{"email":"boada@x.example"}}}`,
			`{"context":{"traits":{"email":"ada@x.example.au"}}}`,
			`{"context":{"traits":{"email":"bo.ada@x.example"}}}`,
			`{"context":{"traits":{"email":"bo+ada@x.example"}}}`,
			`{"context":{"traits":{"email":"bo-ada@x.example"}}}`,
			`{"context":{"traits":{"email":"bo_ada@x.example"}}}`,
			`{"userId":"bo.ada@x.example"}`,
			`{"properties":{"note":"bo-ada@x.example, bo_ada@x.example"}}`,
			`{"properties":{"note":"bda@x.example"}}`,
			`{"context":{"traits":{"email":"ada@ax.example"}}}`,
			`{"context":{"traits":{"email":"ada@x.examples"}}}`,
			`{"properties":{"note":"ada at x.example"}}`,
			`{"context":{"traits":{"email":"` + hash("bo@x.example") + `"}}}`,
		},
	},
	{"Ada <mailto:ADA@x.example>", []string{`{"e":"ada@x.example"}`}, []string{`{"e":"bo@x.example"}`}},
	{hash("ada@x.example"), []string{`{"context":{"traits":{"email":"Ada@x.example"}}}`, `{"a":"` + hash("ada@x.example") + `"}`}, []string{`{"e":"ada@y.example"}`}},
	{
		"4242",
		[]string{
			`{"userId":"4242"}`, `{"userId":4242}`, `{"userId":4242.0}`, `{"userId":4.242e3}`, `{"userId":" 42\u200b42 "}`, `{"userId":"\uff14242"}`, `{"userId":"\u0664\u0662\u0664\u0662"}`, `{"properties":{"order_id":"\u096a\u0968\u096a\u0968"}}`,
			`{"anonymousId":"4242"}`, `{"properties":{"customer_id":4242}}`, `{"properties":{"customer":{"id":"4242"}}}`, `{"properties":{"customer":"4242"}}`,
			`{"properties":{"customers":{"4242":{"vip":true}}}}`, `{"context":{"externalIds":[{"id":"4242","type":"crm"}]}}`,
			`{"properties":{"order_id":"4242"}}`, `{"properties":{"orderId":4242.0}}`, `{"properties":{"order":{"number":"4242"}}}`, `{"properties":{"id":4242}}`,
			`{"properties":{"order_id":"ORD-4242"}}`, `{"properties":{"Kundennummer":"4242"}}`, `{"properties":{"Bon-Nr":"4242"}}`, `{"properties":{"loyaltyCard":4242}}`,
			`{"messageId":"4242"}`, `{"properties":{"raw":"{\"user_id\":4242}"}}`, `{"properties":{"card":4242}}`, `{"properties":{"old_card":"4242"}}`,
			`{"userId":"` + hash("4242") + `"}`, `{"properties":{"user_ids":[1,4242]}}`, `{"userId":4242`,
		},
		[]string{
			`{"userId":"42420"}`, `{"userId":"14242"}`, `{"userId":42421}`, `{"properties":{"quantity":4242}}`, `{"properties":{"revenue":4242.0}}`,
			`{"properties":{"revenue":"4242"}}`, `{"properties":{"product_id":"4242"}}`, `{"properties":{"products":[{"id":4242,"price":4242}]}}`, `{"properties":{"store":{"id":4242}}}`,
			`{"properties":{"note":"4242 points"}}`, `{"properties":{"order_total":4242}}`, `{"properties":{"loyalty_points":4242}}`, `{"properties":{"postal_code":"4242"}}`,
			`{"context":{"traits":{"phone":"+1 212 555 4242"}}}`, `{"messageId":"0b9c1f0e-4242-4c6f-9d3c-9b1a2c3d4e5f"}`, `{"userId":"4242.5"}`,
			`{"context":{"userAgent":"Till/4242 (x)"}}`, `{"properties":{"browser_version":"4242"}}`, `{"timestamp":"4242-01-01T00:00:00Z"}`, `{"properties":{"sekunden":4242}}`,
		},
	},
	{"4242.0", []string{`{"userId":4242}`, `{"userId":"4242.0"}`}, []string{`{"userId":42420}`}},
	{
		"+1 212 555 0147",
		[]string{
			`{"context":{"traits":{"phone":"+1 212 555 0147"}}}`, `{"context":{"traits":{"phone":"2125550147"}}}`, `{"context":{"traits":{"phone":2125550147}}}`,
			`{"context":{"traits":{"phone":"(212) 555-0147"}}}`, `{"context":{"traits":{"phone":"001-212-555-0147"}}}`, `{"context":{"traits":{"phone":"` + hash("12125550147") + `"}}}`,
			`{"properties":{"note":"call +1 (212) 555-0147 after six"}}`, `{"properties":{"note":"call 212-555-0147."}}`, `{"properties":{"Telefon":"212.555.0147"}}`,
			`{"properties":{"shipping":{"phone_number":"12125550147"}}}`, `{"messageId":"+12125550147"}`, `{"properties":{"order_id":"212-555-0147 #3"}}`,
			`{"userId":"+12125550147"}`, `{"userId":12125550147}`, `{"properties":{"note":"212·555·0147"}}`, `{"properties":{"note":"212_555_0147"}}`, `{"context":{"traits":{"phone":"+1•212•555•0147"}}}`, `{"properties":{"u":"https://x.example/?t=%2B12125550147"}}`,
		},
		[]string{
			`{"context":{"traits":{"phone":"+1 212 555 0148"}}}`, `{"context":{"traits":{"phone":"+1 212 555 01470"}}}`, `{"context":{"traits":{"phone":"+44 212 555 0147"}}}`,
			`{"properties":{"revenue":2125550147}}`, `{"properties":{"note":"2125550147"}}`, `{"properties":{"sku":"x2125550147"}}`, `{"properties":{"note":"555 0147"}}`,
		},
	},
	{"0171 1234567", []string{`{"context":{"traits":{"phone":"+49 171 1234567","address":{"country":"DE"}}}}`}, []string{`{"context":{"traits":{"phone":"+44 171 1234567"}}}`}},
	{
		"A-1001",
		[]string{`{"properties":{"order_id":"a-1001"}}`, `{"properties":{"note":"see A-1001."}}`, `{"messageId":"till/A-1001/2"}`, `{"properties":{"x":{"A-1001":1}}}`},
		[]string{`{"properties":{"order_id":"A-10010"}}`, `{"properties":{"order_id":"BA-1001"}}`, `{"properties":{"order_id":"1001"}}`, `{"messageId":"till-A-1001-2"}`},
	},
	{"Nobody <nobody@x.example>", []string{`{"context":{"traits":{"email":"NOBODY@x.example"}}}`}, []string{`{"a":"somenobody@x.example"}`}},
	{"\u0664\u0662\u0664\u0662-\u0661", []string{`{"userId":"4242-1"}`, `{"properties":{"card":"4242-\u0661"}}`}, []string{`{"userId":"4242"}`}},
	{"77-1", []string{`{"properties":{"card":"77-1"}}`, `{"properties":{"note":"card 77-1"}}`}, []string{`{"timestamp":"2026-77-1"}`, `{"properties":{"card":"277-1"}}`}},
	{"l:123456", []string{`{"integrations":{"Facebook Offline Conversions":{"leadId":123456}}}`, `{"properties":{"lead_id":"l:123456"}}`}, []string{`{"properties":{"value":123456}}`}},
	{"co-op", []string{`{"userId":"Co-op"}`, `{"properties":{"note":"(co-op)."}}`}, []string{`{"userId":"shop.co-op"}`, `{"userId":"co-op@x.example"}`}},
	{"84-2", []string{`{"userId":"84-2"}`}, []string{`{"userId":"user-84-2"}`, `{"userId":"84-2_b"}`}},
	{"cus_83", []string{`{"userId":"cus_83"}`}, []string{`{"userId":"old_cus_83"}`}},
	{"kim", []string{`{"userId":"kim"}`, `{"properties":{"note":"it was kim."}}`}, []string{`{"userId":"kim.85"}`}},
	{"84-22222", []string{`{"userId":"84-22222"}`}, []string{`{"userId":8422222}`}},
	{"212_555_0147", []string{`{"context":{"traits":{"phone":"+1 212 555 0147"}}}`}, nil},
	{
		"ada@bücher.example",
		[]string{
			`{"context":{"traits":{"email":"Ada@BÜCHER.example"}}}`, `{"context":{"traits":{"email":"ada@xn--bcher-kva.example"}}}`, `{"context":{"traits":{"email":"` + hash("ada@bücher.example") + `"}}}`,
			`{"context":{"traits":{"email":"` + hash("ada@xn--bcher-kva.example") + `"}}}`, `{"properties":{"note":"to ada@XN--BCHER-KVA.example."}}`, `{"properties":{"note":"to ada@bu\u0308cher.example."}}`,
			`{"userId":"ada@xn--bcher-kva.example"}`, `{"userId":"` + hash("ada@xn--bcher-kva.example") + `"}`, `{"properties":{"u":"?e=ada%40b%C3%BCcher.example"}}`,
		},
		[]string{`{"context":{"traits":{"email":"ada@bucher.example"}}}`, `{"context":{"traits":{"email":"ada@xn--bcher-kvb.example"}}}`, `{"context":{"traits":{"email":"bo@bücher.example"}}}`, `{"e":"ada@shop.bücher.example"}`},
	},
	{
		"ada@xn--bcher-kva.example",
		[]string{`{"context":{"traits":{"email":"ada@bücher.example"}}}`, `{"properties":{"note":"ada@bücher.example"}}`, `{"context":{"traits":{"email":"` + hash("ada@bücher.example") + `"}}}`},
		[]string{`{"context":{"traits":{"email":"ada@bucher.example"}}}`},
	},
	{
		"grace@x.example",
		[]string{
			`{"properties":{"n":"邮箱grace@x.example电话"}}`, `{"properties":{"n":"メールはgrace@x.exampleです"}}`, `{"properties":{"n":"อีเมลgrace@x.exampleครับ"}}`,
			`{"properties":{"n":"이메일은 grace@x.example입니다"}}`, `{"properties":{"n":"邮箱-grace@x.example"}}`,
		},
		[]string{`{"properties":{"n":"邮箱bo.grace@x.example"}}`, `{"properties":{"n":"邮箱grace@x.example.au"}}`, `{"properties":{"n":"邮箱грgrace@x.example"}}`},
	},
	{"K-4711", []string{`{"properties":{"n":"会員番号K-4711です"}}`, `{"userId":"K\u20114711"}`, `{"userId":"k\u20104711"}`}, []string{`{"properties":{"n":"会員番号OK-4711です"}}`, `{"userId":"K4711"}`}},
	{"+1 212 555 0147", []string{`{"properties":{"n":"電話は+12125550147です"}}`, `{"properties":{"n":"電話は212-555-0147です"}}`, `{"properties":{"n":"212ー555ー0147"}}`}, []string{`{"properties":{"n":"電話は+121255501470です"}}`}},
	{"田中@x.example", []string{`{"userId":"田中@x.example"}`}, []string{`{"userId":"山田中@x.example"}`}},
	{
		"ipek.sahin@x.example", []string{`{"context":{"traits":{"email":"İPEK.SAHİN@X.EXAMPLE"}}}`, `{"properties":{"n":"an İPEK.SAHİN@X.EXAMPLE"}}`}, []string{`{"context":{"traits":{"email":"ipek.sahn@x.example"}}}`},
	},
	{"ΝΙΚΟΣ.ΠΑΠΠΑΣ@X.EXAMPLE", []string{`{"context":{"traits":{"email":"νικος.παππας@x.example"}}}`}, nil},
	{
		"100177", numbered(
			"Kd.-Nr.|KdNr|Kartennummer|Bonnummer|Kassenbon|Vorgangsnummer|n° carte fidélité|carte de fidélité|numéro d'adhérent|nº de socio|número de factura|folio|" +
				"tarjeta de fidelidad|tessera|scontrino|numero tessera|carta fedeltà|cartão fidelidade|sócio|encomenda|fatura|bestelnummer|lidnummer|bonnummer|numer zamówienia|paragon|" +
				"numer faktury|nr karty|účtenka|faktura č.|věrnostní karta|kvittonummer|medlemsnummer|fakturanummer|medlem|ordrenummer|ordrenr|bonnr|medlemsnr|kvittering|kuitti|kuittinumero|" +
				"jäsennumero|laskunumero|fiş no|fatura no|üye no|üye numarası|kart no|FİŞ NO|SİPARİŞ NO|注文番号|会員番号|顧客番号|お客様番号|伝票番号|レシート番号|受注番号|カード番号|ポイントカード番号|取引番号|" +
				"订单号|订单编号|會員編號|会员号|会员卡号|客户编号|顾客编号|小票号|流水号|交易号|發票號碼|单号|卡号|acct|account_number|account_id|check_no|txn|docket|PO number|ref_no|quote_no|slip"),
		numbered("商品番号|店舗番号|レジ番号|注文金額|会員ランク|订单金额|商品编号|product_no|Artikelnummer|Kassennummer|cantidad|antal|discount|account_balance|zip|n"),
	},
	{"100177", numbered("Gutscheinnr|Gutschein-Nr.|Gutscheinnummer|referencia|Referência|referenz|č. obj.|Č. objednávky|obj. č.|nr zam."), numbered("objekt|Gutscheinwert|preferencia")},
	{
		"jörg@example.com",
		append(within("jörg@example.com", layers),
			`{"properties":{"u":"https://shop.example/?e=j%F6rg%40example.com"}}`, `{"properties":{"u":"?e=j%u00F6rg%u0040example.com"}}`, `{"properties":{"m":"=?ISO-8859-1?Q?j=F6rg=40example.com?="}}`,
			`{"properties":{"u":"?e=j%25F6rg%2540example.com"}}`, `{"properties":{"m":"j=C3=B6rg=40exam=\r\nple.com"}}`),
		within("bo.jörg@example.com", layers),
	},
	{
		"ada@example.com",
		append(within("ada@example.com", layers),
			`{"properties":{"raw":"paid\\nada@example.com\\tcash"}}`, `{"properties":{"raw":"ada\\x40example.com"}}`, `{"properties":{"raw":"ada\\u0040example.com"}}`, `{"properties":{"raw":"\\\\u0061da\\\\u0040example.com"}}`,
			`{"properties":{"raw":"ada\\100example.com"}}`, `{"properties":{"raw":"ada\\u{40}example.com"}}`, `{"properties":{"contact":"contact_ada@example.com"}}`, `{"properties":{"n":"E-Mail:customer-ada@example.com"}}`,
			`{"properties":{"contact_ada@example.com":true}}`),
		append(within("adam@example.com", layers), `{"properties":{"n":"bo_contact_ada@example.com"}}`, `{"properties":{"n":"maria_ada@example.com"}}`, `{"properties":{"n":"acontact_ada@example.com"}}`),
	},
	{"6F9619FF-8B86-D011-B42D-00C04FC964FF", guids, []string{`{"userId":"6f9619ff8b86d011b42d00c04fc964fe"}`, `{"userId":"06f9619ff8b86d011b42d00c04fc964ff"}`}},
	{"{6f9619ff-8b86-d011-b42d-00c04fc964ff}", guids, nil},
	{"6f9619ff8b86d011b42d00c04fc964ff", guids, nil},
	{
		"brien@x.example", append(mailed("brien@x.example|BRIEN@X.EXAMPLE|<brien@x.example>|'brien@x.example'|mailto:brien@x.example|brien@x.example, bo@x.example|邮箱brien@x.example"),
			`{"properties":{"n":"'brien@x.example'"}}`, `{"properties":{"n":"b'brien@x.example'"}}`, `{"properties":{"n":"e=brien@x.example&x=1"}}`, `{"properties":{"n":"paid/brien@x.example"}}`),
		append(mailed("o'brien@x.example|O’Brien@X.EXAMPLE|smith&brien@x.example|smith/brien@x.example|smith=brien@x.example|a!brien@x.example|a#brien@x.example|guest.brien@x.example|user_brien@x.example|o%27brien@x.example"),
			`{"properties":{"n":"mail to o'brien@x.example"}}`, `{"properties":{"n":"o’brien@x.example"}}`, `{"properties":{"n":"'o'brien@x.example'"}}`, `{"properties":{"n":"van't-o'brien@x.example"}}`),
	},
	{"d'angelo@x.example", mailed("D’Angelo@x.example"), mailed("angelo@x.example|dangelo@x.example|d'd'angelo@x.example")},
	{
		"+1 212 555 0142", phoned("212-555-0142x12|(212) 555-0142ext. 12|+12125550142X12|(212) - 555-0142|212 - 555 0142|212 – 555 – 0142|+1 / 212 / 555 0142|(212) 555-0142 / (212) 555-0199|(212) 555-0199 - 212 - 555-0142"),
		phoned("(212) 555-0143x12|212-555-0142xl|(212) - 555-0143|12 - 212 - 555 0142 7|212 - 555 / 0199 0142"),
	},
	{"100177", numbered("card_number|cardNumber|cardnumber|Card No.|gift_card_id"), numbered("card_last4|discard_note|card_type")},
	{"K-4711", []string{`{"properties":{"n":"id\u001dK-4711\u001dx"}}`, `{"properties":{"n":"K-4711\u0000\u0000Paris"}}`, `{"properties":{"n":"K-\u00024711"}}`}, nil},
	{"bestellnummer", []string{`{"userId":"Bestellnummer"}`}, []string{`{"properties":{"Bestellnummer":"A-7"}}`, `{"properties":{"customer":{"bestellnummer":"A-7"}}}`}},
	{"Loyal_7", []string{`{"userId":"loyal_7"}`, `{"properties":{"x":"LOYAL_7"}}`}, []string{`{"userId":"loyal_77"}`, `{"userId":"disloyal_7"}`}},
}

var guids = []string{
	`{"userId":"6f9619ff-8b86-d011-b42d-00c04fc964ff"}`, `{"userId":"{6F9619FF-8B86-D011-B42D-00C04FC964FF}"}`, `{"userId":"6F9619FF8B86D011B42D00C04FC964FF"}`,
	`{"properties":{"n":"customer 6f9619ff8b86d011b42d00c04fc964ff paid"}}`, `{"properties":{"n":"urn:uuid:6f9619ff-8b86-d011-b42d-00c04fc964ff"}}`,
}

// layers are ways to encode a text.
var layers = []func(string) string{
	url.QueryEscape,
	html.EscapeString,
	func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return "id=" + base64.RawURLEncoding.EncodeToString([]byte("<"+s+">")) },
	func(s string) string { return "https://x.example/u/" + base64.RawStdEncoding.EncodeToString([]byte(s)) },
	func(s string) string { return "user_" + base64.StdEncoding.EncodeToString([]byte(`{"email":"`+s+`"}`)) },
	func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(s))) },
	func(s string) string { return strings.ReplaceAll(s, "@", "=40") },
	func(s string) string { return strings.Trim(strconv.QuoteToASCII(s), `"`) },
	func(s string) string { return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" },
	func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%", "％") },
	func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%", "%\u200b") },
}

// within returns an event for each way to encode text.
func within(text string, ways []func(string) string) (events []string) {
	for _, way := range ways {
		b, _ := json.Marshal(map[string]any{"properties": map[string]string{"n": way(text)}})
		events = append(events, string(b))
	}
	return events
}

// mailed returns events with each of the texts in an e-mail field.
func mailed(texts string) []string { return under("email", texts) }

// phoned returns events with each of the texts in a phone field, and in a note.
func phoned(texts string) []string {
	return append(under("telefon", texts), under("n", texts)...)
}

func under(name, texts string) (events []string) {
	for t := range strings.SplitSeq(texts, "|") {
		b, _ := json.Marshal(map[string]any{"properties": map[string]string{name: t}})
		events = append(events, string(b))
	}
	return events
}

// numbered returns events with a number under each of the field names.
func numbered(names string) (events []string) {
	for n := range strings.SplitSeq(names, "|") {
		events = append(events, `{"properties":{"`+n+`":"100177"}}`)
	}
	return events
}

// An event about the person is found; an event of another person is not.
func TestEvent(t *testing.T) {
	m := parseMapping(t, "default_country: US\nmatch_keys: { external_id: [userId, properties.card] }\n")
	old := parseMapping(t, "match_keys: { external_id: [properties.old_card] }\n")
	for _, c := range everybody {
		t.Run(c.line, func(t *testing.T) {
			match := NewMatcher(names(t, c.line), m, old)
			for _, e := range c.is {
				if !match.Event([]byte(e), "", noon) {
					t.Errorf("Event does not find it in %s", e)
				}
			}
			for _, e := range c.not {
				if match.Event([]byte(e), "", noon) {
					t.Errorf("Event finds it in %s", e)
				}
			}
		})
	}
}

// The messageId stored beside an event counts like one within it.
func TestMessageID(t *testing.T) {
	match := NewMatcher(names(t, "ada@x.example", "1001"))
	for id, want := range map[string]bool{"ada@x.example-1": true, "ORD-1001": true, "m-1": false, "": false} {
		if got := match.Event([]byte(`{"event":"E"}`), id, noon); got != want || match.ID(id) != want {
			t.Errorf("id %q: Event = %v", id, got)
		}
	}
}

func TestText(t *testing.T) {
	match := NewMatcher(names(t, "ada@x.example", "4242", "20012345"))
	for text, want := range map[string]bool{
		"7;Ada <ada@x.example>;3": true, "7;4242;3": false, "x 20012345 y": true, "120012345": false, `"user_id": "4242"`: true, `"price": 4242`: false,
	} {
		if got := match.Text(text); got != want {
			t.Errorf("Text(%q) = %v", text, got)
		}
	}
	if !match.Cells([]string{"E", "4242"}) || match.Cells([]string{"E", "14242", "4242 x"}) {
		t.Error("Cells: wrong result")
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]string{"", " ada@x.example ", "ada@x.example", "4242\r", "Ada Lovelace <Ada@X.example>", "+1 212 555 0147"})
	if err != nil || len(got) != 4 || got[2].text != "ada@x.example" || got[1].number != "4242" || !got[3].phone {
		t.Errorf("%+v %v", got, err)
	}
	for line, why := range map[string]string{
		"ada\xff":                 whyUTF8,
		"ada\x00":                 whyControl,
		"ada\u0085b":              whyControl,
		"a\tb7":                   whyControl,
		strings.Repeat("a", 1025): whyLong,
		"ada@":                    whyAddress,
		"ada@x":                   whyAddress,
		"a@b@x.example":           whyAddress,
		"Ada Lovelace":            whyName,
		"guest":                   whyNobody,
		"n/a":                     whyNobody,
		"---":                     whyNobody,
		"\u200b":                  whyNobody,
		"email":                   whyWord,
		"track":                   whyWord,
		"EUR":                     whyWord,
		"Kundennummer":            whyWord,
	} {
		_, err := Parse([]string{"ok-1", line})
		e, ok := errors.AsType[*lineError](err)
		if !ok || e.Line != 2 || e.Why != why {
			t.Errorf("Parse(%q): %v, want %s", line, err, why)
		}
		if err != nil && strings.Contains(err.Error(), "Lovelace") {
			t.Errorf("the error contains the name: %v", err)
		}
	}
	for _, none := range [][]string{nil, {"", "  "}} {
		if _, err := Parse(none); !errors.Is(err, errNobody) {
			t.Errorf("Parse(%q): %v, want errNobody", none, err)
		}
	}
	var bad []string
	for i := range maxLines {
		bad = append(bad, fmt.Sprintf("@%d", i))
	}
	if _, err := Parse(append(bad, "one-more")); err == nil || !strings.HasPrefix(err.Error(), "more than 1000 lines") {
		t.Errorf("Parse of too many lines: %v", err)
	}
	if _, err := Parse(bad[:100]); err == nil || strings.Count(err.Error(), "\n") != 20 {
		t.Errorf("%v", err)
	}
}

func TestReadLines(t *testing.T) {
	lines, err := ReadLines(strings.NewReader("\ufeffada@x.example\r\n\r\n4242"))
	if err != nil || !slices.Equal(lines, []string{"ada@x.example", "", "4242"}) {
		t.Errorf("%q %v", lines, err)
	}
	if _, err := ReadLines(strings.NewReader("a\n" + strings.Repeat("b", 2000))); err == nil || err.Error() != "line 2 "+whyLong {
		t.Errorf("%v", err)
	}
}

// Receipts hold fingerprints of the match keys that were sent.
func TestFingerprints(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, 32)
	m := parseMapping(t, "default_country: US\n")
	sent := m.Map(mapper.Event{Body: []byte(`{"event":"E","userId":"u-1","context":{"traits":{"email":"Ada@x.example","phone":"212 555 0147"}}}`), Received: noon}, noon)[0].People
	for i, line := range []string{"ada@x.example", "2125550147", "u-1"} {
		match := NewMatcher(names(t, line), m)
		got := match.Fingerprints(secret)
		n := 0
		for _, p := range sent {
			if slices.Contains(got, p) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d: Fingerprints of %s match %d of %d keys, want 1", i, line, n, len(sent))
		}
	}
	abroad := NewMatcher(names(t, "0171 1234567"), m)
	abroad.Event([]byte(`{"event":"E","context":{"traits":{"address":{"country":"DE"}}}}`), "", noon)
	want := NewMatcher(names(t, "+49 171 1234567"), m).Fingerprints(secret)
	if got := abroad.Fingerprints(secret); !slices.ContainsFunc(want, func(p string) bool { return slices.Contains(got, p) }) {
		t.Error("Fingerprints lack those for the country of an event")
	}
}

// An address that stands in a body as plain text is found whatever surrounds it, and no input
// takes long or fails.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{`{"a":"`, `[`, `{"phone":"+1 212 555 `, "%", `\u00`, `{"a":"{\"b\":\"`, "\xff", "12345 (6) 78-9"} {
		f.Add(s)
	}
	n, err := Parse([]string{"ada@x.example", "+1 212 555 0147", "4242"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		began := time.Now()
		match := NewMatcher(n)
		match.Event([]byte(s), s, noon)
		match.Text(s)
		if !match.Event(fmt.Appendf(nil, `{"a":%q,"b":"ada@x.example"}`, strings.ToValidUTF8(s, "")), "", noon) {
			t.Errorf("the address is not found after %q", s)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s for %d bytes", took, len(s))
		}
	})
}
