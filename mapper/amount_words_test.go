package mapper

import (
	"strings"
	"testing"

	"relay/mapper/event"
	"relay/mapper/money"
)

// What stands for a currency beside an amount stands for it in a field of its own.
func TestCurrencyInWords(t *testing.T) {
	for _, c := range []struct{ more, currency, want string }{
		{"", "€", "EUR"},
		{"", "EURO", "EUR"},
		{"", "EUR (€)", "EUR"},
		{"", "zł", "PLN"},
		{"", "TL", "TRY"},
		{"", "Kč", "CZK"},
		{"", "US$", "USD"},
		{"", "£", "GBP"},
		{"", "eur", "EUR"},
		{"", "978", "EUR"},
		{"", "د.إ", "AED"},
		{"default_currency: CAD\n", "$", "CAD"},
		{"default_currency: DKK\n", "kr.", "DKK"},
		{"", "$", ""},
		{"default_currency: EUR\n", "$", ""},
		{"", "EUR USD", ""},
		{"", "much", ""},
		{"", "Taler", ""},
	} {
		m := parseForKeys(t, c.more)
		o := m.Map(Event{Body: []byte(`{"event":"E","userId":"u","timestamp":"2026-11-20T16:00:27Z","properties":{"revenue":5,"currency":` + event.Quote(c.currency) + `}}`), Received: sampleReceived}, sampleReceived)[0]
		if c.want == "" {
			if strings.Contains(string(o.Conversion), `"currency"`) || len(o.Notes) == 0 {
				t.Errorf("%s: %s %s", c.currency, o.Kind, o.Conversion)
			}
			continue
		}
		if !strings.Contains(string(o.Conversion), `"currency":"`+c.want+`"`) {
			t.Errorf("%s: %s %s %s", c.currency, o.Kind, o.Reason, o.Conversion)
		}
	}
}

func TestAmountsInOtherScripts(t *testing.T) {
	for text, want := range map[string]string{
		"د.إ 12.50": "12.50", "١٬٢٣٤٫٥٠ ر.س": "1234.50", "SR 12.50": "12.50", "12.50 د.ك": "12.50", "1.0E7": "10000000",
		"1.23457E+11": "", "1,23E+05": "", "12.50 Taler": "",
	} {
		m, ok := money.ReadText(text)
		got := ""
		if ok {
			got = m.Text
		}
		if strings.TrimSuffix(got, "0") != strings.TrimSuffix(want, "0") && got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
