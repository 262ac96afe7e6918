package money

import (
	"strings"
	"testing"

	"relay/mapper/event"
)

func text(s string) *event.Node   { return &event.Node{Kind: event.Text, Text: s} }
func number(s string) *event.Node { return &event.Node{Kind: event.Number, Text: s} }

func TestReadText(t *testing.T) {
	for in, want := range map[string]string{
		"47.60": "47.6", "47,60": "47.6", "1,234.50": "1234.5", "1.234,50": "1234.5", "1 234,50": "1234.5", "1'234.50": "1234.5", "12,34,567": "1234567",
		"1.234.567": "1234567", "1,234,567.5": "1234567.5", "0.5": "0.5", ".5": "0.5", "5.": "5", "0,999": "0.999",
		"-3": "-3", "3-": "-3", "+3": "3", "−3": "-3", "(12.50)": "-12.5", "$(12.50)": "-12.5", "(12.50) EUR": "-12.5", "-€5": "-5", "€-5": "-5",
		"47,-": "47", "47.--": "47", "1.0E7": "10000000", "1.5e-2": "0.015", `="10.00"`: "10", "'10.00": "10", "€ 12": "12", "12 €": "12", "US$ 3": "3", "3 usd": "3",
		"EUR 3 €": "3", "Rs. 500": "500", "٣٫٥": "3.5", "１２．５": "12.5", "\u200b7\u00a0": "7", "1000000000000": "1000000000000", "-0": "0",

		"": "", " ": "", "-": "", "€": "", "abc": "", "--3": "", "-3-": "", "+-3": "", "1,234.56.7": "", "1,23,4": "", "1.23.456": "", "01,234,567": "", "1.2.3": "",
		"(1)(2)": "", "1(2)": "", "3 USD EUR": "", "US 3": "3", "12 pieces": "", "1.23457E+11": "", "1000000000000.01": "", "1000000000001": "", "3 \xff": "",
		strings.Repeat("1", 101): "", "5 ¤¤": "",

		// Separators and signs of keyboards, locales and word processors.
		"٣٬٥٠٠٫٥": "3500.5", "1’234.50": "1234.5", "1´234.50": "1234.5", "–5": "-5", "—5": "-5", "‐5": "-5", "‑5": "-5", "5\u00ad": "5", "5\t": "5",
		"1,234.567,89": "", "1 234.567,89": "", "1'234,567.89": "", "1.0E": "", "E5": "", "1.xE5": "", "1.0E1234567": "", ".,": "", "1.2,3.4": "", ",": "",
		"a b c d e f 5": "", "5 a b c d e f": "", "$ US $ US $ US 5": "", "5 $ US $ US $ US": "", "xyz 5": "", "$(12.50": "", "(12.50)(": "", "1.234.": "",
	} {
		m, ok := ReadText(in)
		if ok != (want != "") || ok && m.Text != want {
			t.Errorf("ReadText(%q) = %q, %t, want %q", in, m.Text, ok, want)
		}
	}
}

func TestReadJSON(t *testing.T) {
	for _, c := range []struct {
		n    *event.Node
		want string
	}{
		{number("47.60"), "47.6"},
		{number("-0.0"), "0"},
		{number("1e3"), "1000"},
		{number("1e13"), ""},
		{number("1e-70"), ""},
		{text("5 EUR"), "5"},
		{&event.Node{Kind: event.True}, ""},
		{&event.Node{Kind: event.Null}, ""},
		{&event.Node{Kind: event.Object}, ""},
	} {
		if m, ok := Read(c.n); ok != (c.want != "") || ok && m.Text != c.want {
			t.Errorf("%s %q is %q, %t, want %q", c.n.Kind, c.n.Text, m.Text, ok, c.want)
		}
	}
}

func TestAmountSign(t *testing.T) {
	for in, want := range map[string][2]bool{"-3": {true, false}, "0.00": {false, true}, "-0": {false, true}, "0.01": {false, false}} {
		m, ok := ReadText(in)
		if got := [2]bool{m.Negative(), m.Zero()}; !ok || got != want {
			t.Errorf("%q: negative and zero are %v, want %v", in, got, want)
		}
	}
}

// TestIn checks that the currency decides between the two readings of three digits after a
// separator.
func TestIn(t *testing.T) {
	for _, c := range []struct {
		in, code, want string
		ambiguous      bool
	}{
		{"1.234", "EUR", "1.234", true},
		{"1,234", "EUR", "1234", false},
		{"15.000", "IDR", "15000", false},
		{"15.000", "JPY", "15000", false},
		{"12,345", "TND", "12.345", false},
		{"12.345", "KWD", "12.345", false},
		{"1.234", "", "1.234", true},
		{"1.234", "XYZ", "1.234", true},
		{"12.34", "JPY", "12.34", false},
		{"-1.234", "HUF", "-1234", false},
		{"-1,234", "BHD", "-1.234", false},
	} {
		m, ok := ReadText(c.in)
		if m = m.In(c.code); !ok || m.Text != c.want || m.Ambiguous != c.ambiguous {
			t.Errorf("%s in %q is %s (ambiguous: %t), want %s (%t)", c.in, c.code, m.Text, m.Ambiguous, c.want, c.ambiguous)
		}
	}
}

func TestFromMinor(t *testing.T) {
	for _, c := range []struct{ in, code, want string }{
		{"4760", "EUR", "47.6"}, {"4760", "JPY", "4760"}, {"4760", "KWD", "4.76"}, {"-5", "USD", "-0.05"}, {"0", "USD", "0"}, {"47.5", "EUR", ""}, {"4760", "", "4760"},
	} {
		m, _ := Exact(c.in)
		if got, ok := m.FromMinor(c.code); got != c.want || ok != (c.want != "") {
			t.Errorf("%s minor units of %q are %q, %t, want %q", c.in, c.code, got, ok, c.want)
		}
	}
}

func TestNumber(t *testing.T) {
	for in, want := range map[string]float64{"12,50": 12.5, "€ 1.234,5": 1234.5, "(3)": -3} {
		if got, ok := Number(in); !ok || got != want {
			t.Errorf("Number(%q) = %v, %t", in, got, ok)
		}
	}
	if got, ok := Number("free"); ok {
		t.Errorf(`Number("free") = %v`, got)
	}
}

// TestNamed checks which currencies are read beside an amount, and whether one is certain.
func TestNamed(t *testing.T) {
	for in, want := range map[string]string{
		"5": "", "5 EUR": "EUR", "€5": "EUR", "5 euros": "EUR", "£5": "GBP", "US$5": "USD", "C$5": "CAD", "CA$ 5": "CAD", "R 5": "ZAR", "R$ 5": "BRL", "5 Ft": "HUF",
		"5 руб.": "RUB", "SG$5": "SGD", "5 zł": "PLN", "¥5 JPY": "JPY",
		"$5": "USD?", "kr 5": "SEK?", "¥5": "JPY?", "₨ 5": "INR?",
	} {
		m, ok := ReadText(in)
		got := ""
		if m.Named.Any() {
			code, certain := m.Named.First()
			if got = code; !certain {
				got += "?"
			}
		}
		if !ok || got != want {
			t.Errorf("%q names %q, want %q", in, got, want)
		}
	}
	m, _ := ReadText("$5")
	if !m.Named.Has("CAD") || m.Named.Has("EUR") {
		t.Errorf("$ can be %v", m.Named.Codes)
	}
}

func TestCurrency(t *testing.T) {
	for _, c := range []struct {
		n           *event.Node
		usual, want string
	}{
		{text("eur"), "", "EUR"},
		{text(" EUR\u200b"), "", "EUR"},
		{number("978"), "", "EUR"},
		{number("36"), "", "AUD"},
		{text("036"), "", "AUD"},
		{text("٩٧٨"), "", "EUR"},
		{text("€"), "", "EUR"},
		{text("EUR (€)"), "", "EUR"},
		{text("Euro"), "", "EUR"},
		{text("$"), "CAD", "CAD"},
		{text("$"), "EUR", ""},
		{text("$"), "", ""},
		{text("£"), "EGP", "GBP"},
		{text("US"), "USD", ""},
		{text("XYZ"), "", ""},
		{number("1"), "", ""},
		{text(""), "", ""},
		{text("EUR USD"), "", ""},
		{text(strings.Repeat("€ ", 20)), "", ""},
		{&event.Node{Kind: event.List}, "EUR", ""},
		{&event.Node{Kind: event.True}, "EUR", ""},
	} {
		if got, ok := Currency(c.n, c.usual); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%q (usual %q) is %q, %t, want %q", c.n.Text, c.usual, got, ok, c.want)
		}
	}
}

func TestQuantity(t *testing.T) {
	for _, c := range []struct {
		n    *event.Node
		want string
	}{
		{number("2.0"), "2"},
		{number("1e13"), ""},
		{text("0.55 m"), "0.55"},
		{text("3 pcs."), "3"},
		{text("1.5 kg"), "1.5"},
		{text("2 m²"), "2"},
		{text("2.5 m³"), "2.5"},
		{text("０.５ kg"), "0.5"},
		{text("2"), "2"},
		{text("1,5"), "1.5"},
		{text("1,234"), ""},
		{text("two"), ""},
		{text("€ 2"), ""},
		{text(""), ""},
		{nil, ""},
		{&event.Node{Kind: event.List}, ""},
	} {
		if got, ok := Quantity(c.n); got != c.want || ok != (c.want != "") {
			t.Errorf("quantity of %+v is %q, %t, want %q", c.n, got, ok, c.want)
		}
	}
}

func TestLostDigits(t *testing.T) {
	for s, want := range map[string]bool{"1.23457E+11": true, "1.0E7": false, "1.23457E+05": false, "12": false, "1.23457E11": false} {
		if got := LostDigits(s); got != want {
			t.Errorf("LostDigits(%q) = %t", s, got)
		}
	}
}

// FuzzReadText checks that every accepted amount is a plain decimal within the limits, that
// reading its text again changes nothing, and that a currency never changes its sign.
func FuzzReadText(f *testing.F) {
	for _, s := range []string{"1.234,50 €", "(12.50)", "US$ 3", "1.0E7", "12,34,567", "-5-", "=\"1\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, ok := ReadText(s)
		if !ok {
			return
		}
		if digits := strings.TrimPrefix(m.Text, "-"); digits == "" || strings.Trim(digits, "0123456789.") != "" || len(digits) > 80 {
			t.Fatalf("%q is %q", s, m.Text)
		}
		again, ok := Exact(m.Text)
		if !ok || again.Text != m.Text {
			t.Fatalf("%q is %q, then %q", s, m.Text, again.Text)
		}
		for _, code := range []string{"EUR", "JPY", "TND"} {
			if in := m.In(code); in.Negative() != m.Negative() && !in.Zero() && !m.Zero() {
				t.Fatalf("%q changes its sign in %s: %q, %q", s, code, m.Text, in.Text)
			}
		}
	})
}
