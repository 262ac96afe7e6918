package mapper

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bojanz/currency"

	"relay/mapper/event"
	"relay/mapper/match"
	"relay/mapper/money"
	"relay/mapper/people"
)

// moneyOf maps a Purchase whose properties these are, and says its value and
// currency, or why it is held.
func moneyOf(t *testing.T, mapping, properties string) string {
	t.Helper()
	src := "version: 1\nevents: { Order Completed: \"701000000000001\" }\n" + mapping
	m, _, err := Parse("mapping.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	o := mapOne(t, m, `{"event":"Order Completed","userId":"u","properties":`+properties+`}`)
	if o.Kind != Send {
		return o.Reason
	}
	var c struct {
		CustomData struct {
			Value    json.Number
			Currency string
		} `json:"custom_data"`
	}
	if err := json.Unmarshal(o.Conversion, &c); err != nil {
		t.Fatal(err)
	}
	return c.CustomData.Value.String() + " " + c.CustomData.Currency
}

// TestAmountsThatNameTheirCurrency: the currency beside the amount is the
// amount's, whatever the default is; against the event's own it holds a Purchase.
func TestAmountsThatNameTheirCurrency(t *testing.T) {
	const usd, sek, none = "default_currency: USD\n", "default_currency: SEK\n", ""
	for _, c := range []struct{ mapping, properties, want string }{
		{usd, `{"revenue":"47.60 EUR"}`, "47.6 EUR"},
		{usd, `{"revenue":"EUR 47,60"}`, "47.6 EUR"},
		{usd, `{"revenue":"47,60 €"}`, "47.6 EUR"},
		{usd, `{"revenue":"€47"}`, "47 EUR"},
		{usd, `{"revenue":"£1,234.50"}`, "1234.5 GBP"},
		{usd, `{"revenue":"1 234,50 zł"}`, "1234.5 PLN"},
		{usd, `{"revenue":"'10.00"}`, "10 USD"}, // a spreadsheet's marks of text
		{usd, `{"revenue":"=\"10.00\""}`, "10 USD"},
		{usd, `{"revenue":"Fr. 12.50"}`, "12.5 CHF"},
		{usd, `{"revenue":"R$ 1.234,50"}`, "1234.5 BRL"},
		{usd, `{"revenue":"R 99.90"}`, "99.9 ZAR"},
		{usd, `{"revenue":"CA$12"}`, "12 CAD"},
		{usd, `{"revenue":"US$ 12"}`, "12 USD"},
		{usd, `{"revenue":"NT$100"}`, "100 TWD"},
		{usd, `{"revenue":"$12"}`, "12 USD"},
		{usd, `{"revenue":"12 dollars"}`, "12 USD"},
		{usd, `{"revenue":"1000円"}`, "1000 JPY"},
		{usd, `{"revenue":"٤٧٫٦٠ EUR"}`, "47.6 EUR"},
		{none, `{"revenue":"47.60 EUR"}`, "47.6 EUR"},

		// three digits behind a mark: the currency tells what they are
		{usd, `{"revenue":"Rp15.000"}`, "15000 IDR"},
		{usd, `{"revenue":"15.000đ"}`, "15000 VND"},
		{usd, `{"revenue":"1.234 Ft"}`, "1234 HUF"},
		{"default_currency: CLP\n", `{"revenue":"$1.234"}`, "1234 CLP"},
		{usd, `{"revenue":"-1.234","currency":"CLP"}`, ReasonInvalidValue},
		{usd, `{"revenue":"1.234","currency":"JPY"}`, "1234 JPY"},
		{usd, `{"revenue":"1,234","currency":"JPY"}`, "1234 JPY"},
		{usd, `{"revenue":"1.23","currency":"JPY"}`, "1.23 JPY"},
		{usd, `{"revenue":1.234,"currency":"CLP"}`, "1.234 CLP"}, // a number in JSON is what it is
		{usd, `{"revenue":"12,345","currency":"TND"}`, "12.345 TND"},
		{usd, `{"revenue":"12.345","currency":"KWD"}`, "12.345 KWD"},
		{usd, `{"revenue":"1,234,500","currency":"KWD"}`, "1234500 KWD"},
		{usd, `{"revenue":"1,234.500","currency":"KWD"}`, "1234.5 KWD"},
		{usd, `{"revenue":"1,234"}`, "1234 USD"},
		{usd, `{"revenue":"1.234"}`, "1.234 USD"},
		{usd, `{"revenue":"12,50 лв"}`, ReasonInvalidValue}, // a currency that is none any more
		{none, `{"revenue":"47.60","currency":"eur"}`, "47.6 EUR"},
		{none, `{"revenue":"$12"}`, ReasonMissingCurrency}, // whose dollars?
		{"default_currency: EUR\n", `{"revenue":"$12"}`, ReasonInvalidCurrency},
		{"default_currency: CAD\n", `{"revenue":"$12"}`, "12 CAD"},
		{sek, `{"revenue":"12,50 kr"}`, "12.5 SEK"},
		{usd, `{"revenue":"12,50 kr"}`, ReasonInvalidCurrency},
		{"default_currency: EGP\n", `{"revenue":"£12"}`, "12 EGP"},
		{usd, `{"revenue":"¥100"}`, ReasonInvalidCurrency},
		{"default_currency: CNY\n", `{"revenue":"￥100"}`, "100 CNY"},
		{usd, `{"revenue":"Rs. 100","currency":"PKR"}`, "100 PKR"},

		{usd, `{"revenue":"($30.00)"}`, ReasonInvalidValue}, // an accountant's minus
		{usd, `{"revenue":"$(12.34)"}`, ReasonInvalidValue},
		{usd, `{"revenue":"(12,34) €"}`, ReasonInvalidValue},
		{usd, `{"revenue":"56.00-"}`, ReasonInvalidValue},
		{usd, `{"revenue":"1'234.50"}`, "1234.5 USD"},
		{usd, `{"revenue":"CHF 1’234.50"}`, "1234.5 CHF"},
		{usd, `{"revenue":"1\u202f234,56 €"}`, "1234.56 EUR"},
		{usd, `{"revenue":"1,23,456.00"}`, "123456 USD"},
		{usd, `{"revenue":"CHF 12.00","currency":"EUR"}`, ReasonInvalidCurrency},
		{usd, `{"revenue":"$12.00","currency":"EUR"}`, ReasonInvalidCurrency},
		{usd, `{"revenue":"£12.00","currency":"USD"}`, ReasonInvalidCurrency},
		{usd, `{"revenue":"£12.00","currency":"GBP"}`, "12 GBP"},
		{usd, `{"revenue":"$12.00","currency":"AUD"}`, "12 AUD"},
		{usd, `{"revenue":"CA$12.00","currency":"USD"}`, ReasonInvalidCurrency},
		{usd, `{"revenue":"12 EUR","currency":"Taler"}`, ReasonInvalidCurrency},
		{usd, `{"revenue":"12 CHF EUR"}`, ReasonInvalidValue},
		{usd, `{"revenue":"12 apples"}`, ReasonInvalidValue},
	} {
		if got := moneyOf(t, c.mapping, c.properties); got != c.want {
			t.Errorf("%s%s: %q, want %q", c.mapping, c.properties, got, c.want)
		}
	}
}

// TestCurrencyPlaces checks that currency: in the mapping lists the sources of the currency.
func TestCurrencyPlaces(t *testing.T) {
	const places = "currency: [properties.currency, properties.total.currency, \"properties.lines[0].cur\"]\n"
	const minor = places + "events: { Order Completed: { to: '1', value: [{ path: properties.total.amount, minor_units: true }] } }\n"
	for _, c := range []struct{ mapping, properties, want string }{
		{places, `{"revenue":12,"total":{"currency":"EUR"}}`, "12 EUR"},
		{places, `{"revenue":12,"currency":"gbp","total":{"currency":"EUR"}}`, "12 GBP"},
		{places, `{"revenue":12,"currency":"","total":{"currency":" chf "}}`, "12 CHF"},
		{places, `{"revenue":12,"currency":"??","total":{"currency":"EUR"}}`, "12 EUR"},
		{places, `{"revenue":12,"lines":{"0":{"cur":"EUR"}}}`, "12 EUR"},
		{places, `{"revenue":12,"currency":"\u200bEUR\u200b"}`, "12 EUR"},
		{places, `{"revenue":12,"currency":978}`, "12 EUR"},
		{places, `{"revenue":12,"currency":"036"}`, "12 AUD"},
		{places, `{"revenue":12,"currency":36}`, "12 AUD"},
		{places, `{"revenue":12,"currency":"??"}`, ReasonInvalidCurrency},
		{places, `{"revenue":12,"currency":["EUR"]}`, ReasonInvalidCurrency},
		{places, `{"revenue":12}`, ReasonMissingCurrency},
		{places + "default_currency: USD\n", `{"revenue":12}`, "12 USD"},
	} {
		if got := moneyOf(t, c.mapping, c.properties); got != c.want {
			t.Errorf("%s: %q, want %q", c.properties, got, c.want)
		}
	}
	for properties, want := range map[string]string{
		`{"total":{"amount":4760,"currency":"EUR"}}`:     "47.6 EUR",
		`{"total":{"amount":"4760","currency":"EUR"}}`:   "47.6 EUR",
		`{"total":{"amount":4760,"currency":"JPY"}}`:     "4760 JPY",
		`{"total":{"amount":4760,"currency":"KWD"}}`:     "4.76 KWD",
		`{"total":{"amount":5,"currency":"EUR"}}`:        "0.05 EUR",
		`{"total":{"amount":0,"currency":"EUR"}}`:        "0 EUR",
		`{"total":{"amount":"4760 EUR"}}`:                "47.6 EUR",
		`{"total":{"amount":47.60,"currency":"EUR"}}`:    ReasonInvalidValue,
		`{"total":{"amount":-4760,"currency":"EUR"}}`:    ReasonInvalidValue,
		`{"total":{"amount":"many","currency":"EUR"}}`:   ReasonInvalidValue,
		`{"total":{"amount":4760}}`:                      ReasonMissingCurrency,
		`{"total":{"amount":"£4760","currency":"EUR"}}`:  ReasonInvalidCurrency,
		`{"total":{"amount":4760.00,"currency":"EUR"}}`:  "47.6 EUR",
		`{"total":{"amount":4.76e3,"currency":"EUR"}}`:   "47.6 EUR",
		`{"total":{"amount":"4.760","currency":"EUR"}}`:  ReasonInvalidValue,
		`{"total":{"amount":[4760],"currency":"EUR"}}`:   ReasonInvalidValue,
		`{"total":{"amount":999999,"currency":"EUR"}}`:   "9999.99 EUR",
		`{"total":{"amount":"","currency":"EUR"}}`:       ReasonMissingValue,
		`{"total":{"amount":"4,760","currency":"EUR"}}`:  "47.6 EUR",
		`{"total":{"amount":1e12,"currency":"EUR"}}`:     "10000000000 EUR",
		`{"total":{"amount":4760,"currency":"nothing"}}`: ReasonInvalidCurrency,
	} {
		src := "version: 1\n" + minor
		m, _, err := Parse("mapping.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		o := mapOne(t, m, `{"event":"Order Completed","userId":"u","properties":`+properties+`}`)
		got := o.Reason
		if o.Kind == Send {
			custom := wireOf(t, o)["custom_data"].(map[string]any)
			value, _ := json.Marshal(custom["value"])
			got = string(value) + " " + custom["currency"].(string)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", properties, got, want)
		}
	}
}

// Of a conversion that is no Purchase the value and the currency that contradict
// each other are left out, with a note that names both places and no value.
func TestContradictionElsewhere(t *testing.T) {
	m := parseForKeys(t, "default_currency: USD\n")
	o := mapOne(t, m, `{"event":"E","userId":"u","properties":{"value":"CHF 12.00","currency":"EUR","color":"red"}}`)
	custom := wireOf(t, o)["custom_data"].(map[string]any)
	if len(custom) != 1 || custom["color"] != "red" {
		t.Errorf("%v", custom)
	}
	if len(o.Notes) != 1 || o.Notes[0].Code != noteCodeMismatch || o.Notes[0].Field != "properties.value" ||
		!strings.Contains(o.Notes[0].Message, "properties.currency") || strings.Contains(o.Notes[0].Message, "CHF") {
		t.Errorf("%+v", o.Notes)
	}
}

// Event sets may have a country and a currency of their own: the same event
// becomes a conversion by each.
func TestDefaultsOfAnEventSet(t *testing.T) {
	const mapping = `version: 1
events: { Order Completed: [us, ca, "703"] }
event_sets:
  us: { id: "701" }
  ca: { id: "702", default_country: DE, default_currency: EUR }
default_country: US
default_currency: USD
`
	m, _, err := Parse("mapping.yaml", []byte(mapping), WithSecret(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	event := Event{Body: []byte(`{"event":"Order Completed","context":{"traits":{"phone":"0171 1234567","address":{"city":"X1"}}},"properties":{"revenue":12}}`), Received: keyTestNow}
	outs := m.Map(event, keyTestNow)
	if len(outs) != 3 || outs[0].Reason != ReasonNoMatchKey || outs[2].Reason != ReasonNoMatchKey {
		t.Fatalf("%+v", outs)
	}
	if got := wireOf(t, outs[1])["user_data"].(map[string]any)["ph"].([]any)[0]; got != match.SHA256("491711234567") {
		t.Errorf("phone %v", got)
	}
	if got := wireOf(t, outs[1])["custom_data"].(map[string]any)["currency"]; got != "EUR" {
		t.Errorf("currency %v", got)
	}
	if len(outs[0].Notes) == 0 || len(outs[1].Notes) != 1 || len(outs[0].People) != 0 || len(outs[1].People) != 1 {
		t.Errorf("what was found for one set is said of another: %+v", outs)
	}
	keys, _ := m.KeysIn(event)
	if len(keys) != 1 || !slices.Contains(people.KeysOf("0171 1234567", m.Countries()...), keys[0]) {
		t.Errorf("keys %v", keys)
	}
	lane := m.MapLane(event, "702", keyTestNow)
	if len(lane) != 1 || string(lane[0].Conversion) != string(outs[1].Conversion) {
		t.Errorf("by the lane: %+v", lane)
	}
	for _, x := range m.Explain(event, keyTestNow) {
		for _, f := range x.Fields {
			if f.Field == "phone" && f.LeftOut == "" && x.EventSet != "702" {
				t.Errorf("%s: %+v", x.EventSet, f)
			}
			if f.Field == "currency" && x.EventSet == "702" && (f.Value != "EUR" || f.Line != 5) {
				t.Errorf("%s: %+v", x.EventSet, f)
			}
		}
	}
}

// TestNoNumberIsNoAmount: what came as NaN or Infinity is there, and no amount.
func TestNoNumberIsNoAmount(t *testing.T) {
	m, _, err := Parse("m.yaml", []byte("version: 1\ndefault_currency: USD\nevents: { Order Completed: \"1\" }\n"))
	if err != nil {
		t.Fatal(err)
	}
	for nan, want := range map[bool]string{true: ReasonInvalidValue, false: ReasonMissingValue} {
		e := Event{Body: []byte(`{"event":"Order Completed","userId":"u","properties":{"revenue":null}}`), MessageID: "m", Received: keyTestNow, NaN: nan}
		if outs := m.Map(e, keyTestNow); len(outs) != 1 || outs[0].Reason != want {
			t.Errorf("NaN %v: %+v, want %s", nan, outs, want)
		}
	}
}

// What is written beside amounts means currencies that Meta's list may still have.
func TestSignsAreOfCurrencies(t *testing.T) {
	for word, c := range money.CurrencyWords() {
		for _, code := range c.Codes {
			if !currency.IsValid(code) {
				t.Errorf("%s: %s is none of ISO 4217", word, code)
			}
		}
	}
}

// TestCurrencyByItsMark: a currency is read by the marks that are read beside an amount.
func TestCurrencyByItsMark(t *testing.T) {
	for text, want := range map[string]string{
		"€": "EUR", "EURO": "EUR", "Euro": "EUR", "zł": "PLN", "ZŁ": "PLN", "TL": "TRY", "Kč": "CZK", "KČ": "CZK", "EUR (€)": "EUR", "€ EUR": "EUR", "£": "GBP", "US$": "USD", "A$": "AUD", "₺": "TRY",
		"руб.": "RUB", "円": "JPY", "Rp": "IDR", "R": "ZAR", "eur": "EUR", "978": "EUR", "US Dollar": "USD", "CHF Fr.": "CHF",
		"$": "CAD", "kr": "", "a": "", "US": "", "EUR USD": "", "€ $": "", "Taler": "", "": "CAD", "nothing at all": "",
	} {
		m, _, err := Parse("mapping.yaml", []byte("version: 1\ndefault_currency: CAD\nevents: { Order Completed: '1' }\n"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		o := m.Map(Event{Body: []byte(`{"event":"Order Completed","messageId":"m","userId":"u-1","properties":{"revenue":5,"currency":` + event.Quote(text) + `}}`), Received: now}, now)[0]
		got := ""
		if _, after, ok := strings.Cut(string(o.Conversion), `"currency":"`); ok {
			got = after[:3]
		}
		if got != want || want == "" && o.Reason != ReasonInvalidCurrency {
			t.Errorf("%q is %q, want %q (%s %s)", text, got, want, o.Reason, o.Message)
		}
	}
}

// TestNumbersAsText: a text where Meta expects a number is read as an amount's text is.
func TestNumbersAsText(t *testing.T) {
	for property, want := range map[string]string{
		`"num_items":"3"`: `"num_items":3`, `"num_items":" 3 "`: `"num_items":3`, `"num_items":"3.0"`: `"num_items":3`, `"num_items":"3.5"`: "", `"num_items":"three"`: "", `"num_items":"3 €"`: "",
		`"num_items":"1.234"`: "", `"num_items":"="`: "", `"num_items":""`: "",
		`"predicted_ltv":"12.5"`: `"predicted_ltv":12.5`, `"predicted_ltv":"1.234,50"`: `"predicted_ltv":1234.5`, `"predicted_ltv":"€ 12,50"`: `"predicted_ltv":12.5`, `"predicted_ltv":"$12.50"`: "",
		`"price":"1,5"`: `"price":1.5`, `"net_revenue":"-3"`: `"net_revenue":-3`, `"net_revenue":"='2'"`: "", `"year":"2026"`: `"year":2026`, `"predicted_ltv":"2125550147"`: "", `"predicted_ltv":2125550147`: "", `"predicted_ltv":"+12125550199"`: "",
	} {
		_, c := sentOf(t, "version: 1\nevents: { Sale: \"701000000000001\" }\n", "m", adaTraits, `"currency":"EUR",`+property)
		delete(c["custom_data"].(map[string]any), "currency")
		got, _ := json.Marshal(c["custom_data"])
		if strings.Trim(string(got), "{}") != want {
			t.Errorf("%s: %s, want %s", property, got, want)
		}
	}
}
