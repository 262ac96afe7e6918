package personal

import "testing"

func TestPhonesInTexts(t *testing.T) {
	for _, x := range []struct{ region, text string }{
		{"", "+1 212 555 0147"},
		{"", "call +12125550147 before noon"},
		{"", "tel:+12125550147"},
		{"", "order+12125550147"},
		{"", "(212) 555-0147"},
		{"", "212-555-0147"},
		{"", "(212) 555-0147x12"},
		{"", "call 212-555-0147X12 now"},
		{"", "212.555.0147ext12"},
		{"", "212-555-0147ext. 12"},
		{"", "+12125550147x12"},
		{"", "212.555.0147"},
		{"US", "1-212-555-0147"},
		{"US", "2 keys for 212 555 0147"},
		{"", "0044 20 7946 0958"},
		{"", "+44 (0)20 7946 0958"},
		{"", "＋１ ２１２ ５５５ ０１４７"},
		{"", "+1\u00a0212\u2011555\u20110147"},
		{"GB", "020 7946 0958"},
		{"DE", "030/901820"},
		{"DE", "Tel. 0171 1234567, abends"},
		{"DE", "030 90 18 20"},
		{"FR", "06.12.34.56.78"},
		{"FR", "01 42 68 53 00"},
		{"IT", "347 123 4567"},
		{"ES", "612 34 56 78"},
		{"DK", "20 12 34 56"},
		{"PL", "512 345 678"},
		{"JP", "090-1234-5678"},
		{"JP", "090ー1234ー5678"},
		{"JP", "ナンバー０９０ー１２３４ー５６７８"},
		{"", "004930901820"},
		{"de", "2026-11-20 0171 1234567"},

		// Before a suffix: orders that a till numbers by the customer's phone, two numbers.
		{"", "+12125550147-1"},
		{"", "A+12125550147-20261120"},
		{"", "+1 212 555 0147/3"},
		{"", "(212) 555-0147-1"},
		{"", "0044 20 7946 0958-1"},
		{"", "212-555-0147/212-555-0148"},
		{"DE", "0171/1234567/2"},
	} {
		if !HoldsPhone(x.text, x.region) {
			t.Errorf("%s: no phone number is found in %q", x.region, x.text)
		}
	}
	for _, x := range []struct{ region, text string }{
		{"", "12125550147"},
		{"", "2125550147"},
		{"DE", "01711234567"},
		{"", "2 keys cut"},
		{"DE", "2026-11-20"},
		{"DE", "03.04.2026"},
		{"DE", "03.04.2026 10:15"},
		{"", "2026-11-20T10:15:30Z"},
		{"DE", "0.1234567"},
		{"", "1,234,567.89"},
		{"DE", "1.234.567,00"},
		{"", "978-3-16-148410-0"},
		{"", "4111-1111-1111-1111"},
		{"", "123-456-7890"},
		{"", "192.168.100.200"},
		{"", "till3-100423"},
		{"", "40.712776,-74.005974"},
		{"", "TX-212-555-0147-A"},
		{"", "212-555-0147-1"}, // a code: neither +, 00 nor a bracket
		{"", "+1234567-89"},
		{"DE", "2026/11/20/0815"},
		{"", "212-555-0147x"},
		{"", "212-555-0147xl"},
		{"", "212-555-0147x12cm"},
		{"", "212-555-0147x1234567"},
		{"", "114-1234567-1234567"},
		{"", "+5 points, 2026"},
		{"", "0000012"},
		{"", "1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11"},
		{"ES", "100 200"},
		{"", "10 x 20 x 30 cm, 12 pieces"},
		{"", ""},
	} {
		if HoldsPhone(x.text, x.region) {
			t.Errorf("%s: a phone number is found in %q", x.region, x.text)
		}
	}
}

func TestEmailsInTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"ada@example.com": true, "for ada@example.com, please": true, "https://shop.example/?m=ada%40example.com": true, "ada＠example.com": true,
		"YWRhQGV4YW1wbGUuY29t": true, "?c=YWRhQGV4YW1wbGUuY29t&b=1": true, "ada=40example.com": true, `ada\x40example.com`: true, "ada%2540example.com": true,
		"@home": false, "5 @ 3.50": false, "100%40": false, "a@b": false,
	} {
		if got := HoldsEmail(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestPersonInTexts(t *testing.T) {
	var p Person
	for range 2 { // again in the same room
		p.Reset()
		p.Name("jordan", "o'neil")
		p.Name("Zoë", "Müller-Lüdenscheidt")
		p.Name("太郎", "山田")
		p.Phrase("12 Rose Lane")
		p.Phone("12125550147")
		p.BirthDate("19970216")
		p.ID("user-4711")
		p.ID("u1")
		for text, want := range map[string]string{
			"Visit of Jordan O’Neil": "whole", "ONeil, Jordan": "whole", "jordan o neil's": "whole", "ZOE MULLER LUDENSCHEIDT": "whole",
			"Jordan": "is", "Air Jordan 1": "single", "jordans": "", "JORDAN": "is", "Jordanian": "", "neil": "",
			"山田太郎様": "whole", "山田": "", "leave it at 12, Rose-Lane": "whole", "112 Rose Lane": "", "Rose": "",
			"2125550147": "whole", "(212) 555 0147": "whole", "02125550147": "whole", "92125550147": "",
			"16.02.1997": "whole", "2/16/1997": "whole", "1997-02-16": "whole", "1997": "", "USER 4711": "whole", "user-47111": "", "u1": "",
			"会員番号USER-4711です": "whole", "会員XUSER-4711": "", "1997年2月16日": "whole", "１９９７年２月１６日生": "whole", "1997년 2월 16일": "whole", "1997年2月17日": "", "電話は212-555-0147です": "whole",
		} {
			holds, single, is := p.Holds(text)
			got := ""
			switch {
			case is:
				got = "is"
			case single:
				got = "single"
			case holds:
				got = "whole"
			}
			if got != want {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	}
}

// A number is found without its country's code, however long that is.
func TestPhoneWithoutItsCode(t *testing.T) {
	for e164, text := range map[string]string{
		"12125550147":    "call 2125550147",
		"12125550148":    "call 2125550148x12 now",
		"442079460958":   "call 2079460958",
		"35312222222":    "call 12222222",
		"79161234567":    "call 9161234567",
		"99412123456789": "call 12123456789",
		"2101234567890":  "call 2101234567890", // 210 is no country's
	} {
		var p Person
		p.Phone(e164)
		if holds, _, _ := p.Holds(text); !holds {
			t.Errorf("%s is not found in %q", e164, text)
		}
	}
}

// What may hold nothing holds nothing.
func TestMayHoldSomething(t *testing.T) {
	for _, text := range []string{
		"", "Thank you for your order", "SUMMER07", "A-100", "12:30", "a.b.c.d", "1.1.1", "ada[at]x.example", "ada (at) x.example", "ada@x.example", "ada＠x.example",
		"+1 212 555 0147", "0221 5550123", "４１５", "::1", "fe80::1", "1.1.1.1", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111",
	} {
		holds := HoldsEmailInLayer(text) || HoldsPhone(text, "US") || HoldsPhone(text, "DE") || HoldsAccount(text) || HoldsIP(text)
		if holds && !MightBePersonal(text) {
			t.Errorf("%q", text)
		}
	}
	if MightBePersonal("Thank you for your order") || MightBePersonal("SUMMER07") {
		t.Error("a text of words may hold something")
	}
}

func FuzzMayHoldSomething(f *testing.F) {
	f.Add("a.b.c.1.2 ::")
	f.Fuzz(func(t *testing.T, text string) {
		if !MightBePersonal(text) && (HoldsEmailInLayer(text) || HoldsPhone(text, "US") || HoldsPhone(text, "DE") || HoldsAccount(text) || HoldsIP(text)) {
			t.Errorf("%q", text)
		}
	})
}
