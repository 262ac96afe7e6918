package match

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestForms: values at the edges of each rule, and what Meta's rules and the sense of the
// value make of them; "" is left out. Plain values are in the mapper's testdata/normal.
func TestForms(t *testing.T) {
	const hash = "a13fa06f1e45bdbbe0227d4cb151c0db406dcf12a50f50288a309b0cbcebedb9"
	long := strings.Repeat("a", 65)
	for _, c := range []struct {
		key                Key
		country, raw, want string
	}{
		// A city: what stands for none, district, region behind it.
		{City, "us", "Anytown", ""},
		{City, "de", "Stadt", ""},
		{City, "de", "12345", ""},
		{City, "us", "Aaaaa", ""},
		{City, "us", "Wilkes barre", "wilkesbarre"},
		{City, "fr", "Lyon Cedex", "lyon"},
		{City, "", "Llanfairpwllgwyngyllgogerychwyrndrobwll", "llanfairpwllgwyngyllgogerychwyrndrobwll"},
		{City, "", "(Berlin)", "berlin"},
		{City, "", "Berlin ()", "berlin"},
		{City, "us", "Washington (DC)", "washingtondc"},
		{City, "us", "Washington, DC", "washingtondc"},
		{City, "us", "Springfield (IL)", "springfield"},
		{City, "", ", Berlin", "berlin"},
		{City, "us", "Santa Fe", "santafe"},
		{City, "us", "SANTA FE", "santafe"},
		{City, "", "Waldkirch BW", "waldkirchbw"},
		{City, "us", "Austin TX", "austin"},
		{City, "us", "Washington DC", "washingtondc"},
		{City, "us", "Portland, OR USA", "portland"},
		{City, "us", "Portland, Or Else", "portlandorelse"},

		// A country: flags, locales, several names of one.
		{Country, "", "🇩🇪", "de"},
		{Country, "", "🇩", ""},
		{Country, "", "🇩🇪🇫🇷", ""},
		{Country, "", "de_DE", "de"},
		{Country, "", "de-AT", "at"},
		{Country, "", "en_us", "us"},
		{Country, "", "pt-BR", "br"},
		{Country, "", "DE-BY", ""},
		{Country, "", "de_ZZ", ""},
		{Country, "", "Germany, Deutschland", "de"},
		{Country, "", "Germany / France", ""},
		{Country, "", "(US)", "us"},
		{Country, "", "Republic of Lummerland", ""},
		{Country, "", strings.Repeat("Germany ", 20), ""},
		{Country, "", "276", "de"},
		{Country, "", "999", ""},
		{Country, "", "Germany 2", ""},

		// A date of birth: one reading or none.
		{BirthDate, "", "1900-01-01", ""},
		{BirthDate, "", "1850-01-02", ""},
		{BirthDate, "", "1990-02-30", ""},
		{BirthDate, "", "1990-13-01", ""},
		{BirthDate, "", "1990-13-40T23:00:00Z", ""},
		{BirthDate, "", "1990-02-15T23:00:00Z", ""}, // the 16th where it was entered?
		{BirthDate, "", "19900403.0", "19900403"},
		{BirthDate, "", "1990-04/03", ""},
		{BirthDate, "", "03.04.990", ""},
		{BirthDate, "", "90.04.13", "19900413"},
		{BirthDate, "", "123/4/5", ""},
		{BirthDate, "", "1990/04/123", ""},
		{BirthDate, "", "123/4/1990", ""},
		{BirthDate, "", "3/4/123", ""},
		{BirthDate, "", "13/4/90", "19900413"},
		{BirthDate, "", "1990 April 3", "19900403"},
		{BirthDate, "", "April 3rd, 1990", "19900403"},
		{BirthDate, "", "Tuesday, 3 April 1990", "19900403"},
		{BirthDate, "", "16feb 1990", "19900216"},
		{BirthDate, "", "feb16 1990", "19900216"},
		{BirthDate, "", "16xyz 1990", ""},
		{BirthDate, "", "16feb feb 1990", ""},
		{BirthDate, "", "Feb Mar 1990", ""},
		{BirthDate, "", "Foo 3 1990", ""},
		{BirthDate, "", "3½ April 1990", ""},
		{BirthDate, "", "April 1990", ""},
		{BirthDate, "", "3 April 70", "19700403"},
		{BirthDate, "", "03 April 04", ""},
		{BirthDate, "", "3 April 12", ""},
		{BirthDate, "", "3 April 199", ""},
		{BirthDate, "", "123 April 4", ""},

		// An e-mail address: what surrounds it, what no server takes, what stands for none.
		{Email, "", "Ada Hofe [mailto:ada@hofe.example]", "ada@hofe.example"},
		{Email, "", "Ada Hofe (ada@hofe.example)", ""},
		{Email, "", "ada@hofe.example [Ada]", ""},
		{Email, "", "ada@hofe.example (Ada)", "ada@hofe.example"},
		{Email, "", "Ada <x> ada@hofe.example", ""},
		{Email, "", "mailto:ada%zz@hofe.example", "ada%zz@hofe.example"},
		{Email, "", "mailto:ada%2bshop@hofe.example?subject=x", "ada+shop@hofe.example"},
		{Email, "", long + "@hofe.example", ""},
		{Email, "", "ada@" + long + ".example", ""},
		{Email, "", "ada@" + strings.Repeat("hofe.", 60) + "example", ""},
		{Email, "", "ada@hofe..example", ""},
		{Email, "", "ada@-hofe.example", ""},
		{Email, "", "ada@hofe-.example", ""},
		{Email, "", "ada@hofe", ""},
		{Email, "", "ada@hofe.e", ""},
		{Email, "", "ada@10.0.0.1", ""},
		{Email, "", "...@hofe.example", ""},
		{Email, "", "a da@hofe.example", ""},
		{Email, "", ".ada@gmail.com", ""},
		{Email, "", "ada.@docomo.example", "ada.@docomo.example"},
		{Email, "", "jürgen@hofe.example", "jürgen@hofe.example"},
		{Email, "", "ada¿hofe@hofe.example", ""},
		{Email, "", "ada@ho¿fe.example", ""},
		{Email, "", "ada@hofe.ex4mple", "ada@hofe.ex4mple"},
		{Email, "", "ada@hofe.unknown", "ada@hofe.unknown"},
		{Email, "", "bounce+ada@hofe.example", ""},
		{Email, "", "bouncer@hofe.example", "bouncer@hofe.example"},
		{Email, "", "na@hofe.example", "na@hofe.example"},
		{Email, "", "na@na.example", ""},
		{Email, "", "no@email.com", ""},
		{Email, "", "no@hofe.example", "no@hofe.example"},
		{Email, "", "email@domain.com", ""},
		{Email, "", "name@domain.com", ""},
		{Email, "", "user@domain.com", ""},
		{Email, "", "ada@domain.com", "ada@domain.com"},
		{Email, "", "user@hofe.example", "user@hofe.example"},
		{Email, "", "ada@shop.invalid", ""},
		{Email, "", "test7@hofe.example", ""},
		{Email, "", "0000@hofe.example", ""},
		{Email, "", "{{ email }}", ""},
		{Email, "", "${email}", ""},
		{Email, "", "<%= email %>", ""},
		{Email, "", "*|EMAIL|*", ""},
		{Email, "", "%EMAIL%", ""},

		// What looks hashed: only 64 hex digits are what Meta holds.
		{Email, "", hash + ".AQ", hash},
		{Email, "", hash + "xAQ", ""},
		{Email, "", hash + ".A!", ""},
		{Email, "", "sha256" + hash, ""}, // no sign between: not known to be one
		{Email, "", "oT+gbx5Fvb7gIn1MsVHA20Bt6xKlD1AoijCbDL687bk=", ""},
		{ExternalID, "", "abcdefghijabcdefghijabcdefghijabcdefghijabc=", "abcdefghijabcdefghijabcdefghijabcdefghijabc="},
		{ExternalID, "", "Abcdefghijabcdefghijabcdefghijabcdefghij-bc=", "Abcdefghijabcdefghijabcdefghijabcdefghij-bc="},
		{ExternalID, "", "Abcdefghijabcdefghijabcdefghijabcdefghijabcd", "Abcdefghijabcdefghijabcdefghijabcdefghijabcd"},
		{ExternalID, "", "12345678901234567890123456789012", "12345678901234567890123456789012"},
		{LeadID, "", ".0", ""},
		{LeadID, "", "l: 123456789012345", "123456789012345"},
		{LeadID, "", "123456789012345.0", "123456789012345"},

		// A name: titles, degrees, asides.
		{FirstName, "", "Ada/Bea", "adabea"},
		{LastName, "", "Ma'am Hofe", "hofe"},
		{LastName, "", "李様", "李様"},
		{LastName, "", "山田様", "山田"},
		{LastName, "", "Hofe, PhD", "hofe"},
		{LastName, "", "Hofe, md", "hofe"},
		{LastName, "", "Hofe, Sr.", "hofesr"},
		{LastName, "", "de Heer Jansen", "jansen"},
		{LastName, "", "De Vries", "devries"},
		{FirstName, "", "D. Maria", "dmaria"},
		{FirstName, "", "x0x0", ""},
		{FirstName, "", "Guest 4", ""},
		{FirstName, "", "user7", ""},
		{FirstName, "", "customer12", ""},
		{FirstName, "", "dummy1", ""},
		{FirstName, "", "zzzz", ""},

		// A phone number: by the country of the event, or by its own code.
		{Phone, "um", "(212) 555-0188", "12125550188"},
		{Phone, "", strings.Repeat("0171 1234567 / ", 10), ""},
		{Phone, "", "011 49 171 1234567", "491711234567"},
		{Phone, "", "011 1234567", ""},
		{Phone, "", "011 999 9999 9999", ""},
		{Phone, "", "49 (0) 171 1234567", "491711234567"},
		{Phone, "", "99999 (0) 67890", ""},
		{Phone, "", "442079460018", "442079460018"},
		{Phone, "", "999999999123", ""},
		{Phone, "de", "49 171 1234567", "491711234567"},
		{Phone, "gb", "044 7911 123456", "447911123456"},
		{Phone, "us", "0 650 253 0000", "16502530000"},
		{Phone, "", "+011 49 171 1234567", "491711234567"},
		{Phone, "", "+0049 171 1234567", "491711234567"},
		{Phone, "", "+49 49 171 1234567", "491711234567"},
		{Phone, "", "+39 (0)347 1234567", "393471234567"},
		{Phone, "", "+34 (0)91 123 45 67", "34911234567"},
		{Phone, "gb", "+020 7946 0958", "442079460958"},
		{Phone, "us", "+650 253 0000", "16502530000"},
		{Phone, "", "+1 800 FLOWERS", "18003569377"},
		{Phone, "mx", "044 55 1234 5678", "525512345678"},
		{Phone, "mx", "01 55 1234 5678", "525512345678"},
		{Phone, "mx", "+52 1 55 1234 5678", "525512345678"},
		{Phone, "us", "1.6505551212E+10", "16505551212"},
		{Phone, "de", "1.711234567E+9", "491711234567"},
		{Phone, "us", "1.65055E+10", ""},
		{Phone, "", "+1.6505551212E+10", "16505551212"},
		{Phone, "", "tel:20 7946 0958;phone-context=+44", "442079460958"},
		{Phone, "us", "6,502,530,000", "16502530000"},
		{Phone, "us", "26502530000", ""},
		{Phone, "us", "1 150 253 0000", ""},

		// A state: two letters in the US and Canada, in full elsewhere.
		{State, "us", "Commonwealth of Massachusetts", "ma"},
		{State, "us", "State of Confusion", ""},
		{State, "us", "New York State", "ny"},
		{State, "us", "ME State", ""},
		{State, "us", "USA CA", "ca"},
		{State, "us", "CA California", "ca"},
		{State, "us", "TX Nevada", ""},
		{State, "us", "US-CA-Los Angeles", ""},
		{State, "ca", "Ontario - Canada", "on"},
		{State, "us", "NY (Manhattan)", "ny"},
		{State, "us", "NY - Manhattan", ""},
		{State, "ca", "Qc", "qc"},
		{State, "us", "ON", ""},
		{State, "", "Bavaria", "bavaria"},
		{State, "au", "AU-NSW", "nsw"},
		{State, "au", "NZ-AUK", "nzauk"},
		{State, "de", "Bayern", "bayern"},
		{State, "de", "12345", ""},
		{State, "de", "NA", "na"},

		// A postcode: by the country, by one that stands in front, or by its shape.
		{Zip, "us", "99999", ""},
		{Zip, "us", "00000", ""},
		{Zip, "us", "CA-94105", "94105"},
		{Zip, "us", "US-94105", "94105"},
		{Zip, "us", "CA94105", "94105"},
		{Zip, "us", "California 94105", "94105"},
		{Zip, "us", "Lummerland 94105", ""},
		{Zip, "us", "94105 1234", "94105"},
		{Zip, "us", "94105-12345", ""},
		{Zip, "us", "9410-5123", "09410"},
		{Zip, "us", "941051234", "94105"},
		{Zip, "us", "21011234", "02101"},
		{Zip, "us", "2101", "02101"},
		{Zip, "us", "12", ""},
		{Zip, "us", "94105#", ""},
		{Zip, "ca", "K1A OB1", "k1a0b1"},
		{Zip, "ca", "KlA 0B1", "k1a0b1"},
		{Zip, "ca", "K1A", "k1a"},
		{Zip, "ca", "12345", ""},
		{Zip, "gb", "GB SW1A 1AA", "sw1a1aa"},
		{Zip, "gb", "SW1A OAA", "sw1a0aa"},
		{Zip, "gb", "12345", ""},
		{Zip, "nl", "1234 AB", "1234ab"},
		{Zip, "nl", "1234 AB Amsterdam", "1234ab"},
		{Zip, "nl", "1234AB Amsterdam", "1234ab"},
		{Zip, "nl", "1234 Amsterdam", ""},
		{Zip, "nl", "0123 AB", ""},
		{Zip, "ie", "D02 AF30", "d02af30"},
		{Zip, "ie", "12345", ""},
		{Zip, "", "94105-1234", "94105"},
		{Zip, "", "D-10115", "10115"},
		{Zip, "", "1", ""},
		{Zip, "", "Innenstadt", ""},
		{Zip, "", "SW1A 1AA 12345", ""},
		{Zip, "de", "PLZ: 10115", "10115"},
		{Zip, "de", "10115.0", "10115"},
		{Zip, "de", "10115 Berlin", "10115"},
		{Zip, "de", "1067", "01067"},
		{Zip, "de", "A-10115", "10115"},
		{Zip, "de", "Q-10115", ""},
	} {
		l := Locale{Country: c.country, CountryGiven: c.country != "", Today: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
		for _, trace := range []*Trace{nil, {}} {
			if v := Normalise(c.key, c.raw, l, trace); v.Form != c.want || v.Form == "" && v.Why == "" {
				t.Errorf("%s of %q: %q is %q (%s %s), want %q", Table[c.key].Name, c.country, c.raw, v.Form, v.Code, v.Why, c.want)
			}
		}
	}
}

// TestSplitNames: which part of a full name is the first name and which the surname.
func TestSplitNames(t *testing.T) {
	for _, c := range []struct{ raw, first, last string }{
		{"", "", ""},
		{"Ada Hofe", "Ada", "Hofe"},
		{"a13fa06f1e45bdbbe0227d4cb151c0db406dcf12a50f50288a309b0cbcebedb9", "", ""},
		{"Walk-in Customer", "Walk-in Customer", ""},
		{"Hofe GmbH", "Hofe GmbH", ""},
		{"ada@hofe.example", "ada@hofe.example", ""},
		{"Mr.", "Mr.", ""},
		{"Mr. Hofe", "", "Hofe"},
		{"Sir Elton", "Elton", ""},
		{"Frau von der Leyen", "", "von der Leyen"},
		{"Van der Berg", "", "Van der Berg"},
		{"van Berg", "", "van Berg"},
		{"van berg", "van", "berg"},
		{"山田 太郎", "太郎", "山田"},
		{"Anna & Max Meier", "Anna", "Meier"},
		{"Anne - Marie Dupont", "Anne-Marie", "Dupont"},
		{"Jane - Doe", "Jane", "Doe"},
		{"M. et Mme Dupont", "", "Dupont"},
		{"Doe, John", "John", "Doe"},
		{"Doe, Mr.", "", "Doe"},
		{"Doe, John Jr.", "John", "Doe Jr."},
		{"Doe, John, Jr.", "John", "Doe Jr."},
		{"Berg, Jan van der", "Jan", "van der Berg"},
		{"John Doe, Jr.", "John", "Doe Jr."},
		{"John Doe, MD", "John", "Doe"},
		{"Doe,", "Doe", ""},
		{", John", "John", ""},
		{"Doe, !", "Doe", ""},
	} {
		if first, last := SplitName(c.raw); first != c.first || last != c.last {
			t.Errorf("%q is %q and %q, want %q and %q", c.raw, first, last, c.first, c.last)
		}
	}
}

// TestSeveralValues: a text that holds several addresses or numbers gives each of them.
func TestSeveralValues(t *testing.T) {
	for _, c := range []struct {
		key          Key
		country, raw string
		want         []string
	}{
		{Email, "", "ada@hofe.example; bob@hofe.example", []string{"ada@hofe.example", "bob@hofe.example"}},
		{Email, "", "ada@hofe.example, ada@hofe.example", nil},
		{Email, "", "ada@hofe@example", nil},
		{Email, "", strings.Repeat("ada@hofe.example ", 30), nil},
		{Phone, "us", "415-555-2671 or 2672", []string{"415-555-2671", "+14155552672"}},
		{Phone, "us", "or 2672 415-555-2671", nil},
		{Phone, "us", "415-555-2671 / 26 72 33", nil},
		{Phone, "us", "1415 / 2672 / 267233", nil},
		{FirstName, "", "Ada; Bob", nil},
	} {
		if got := SplitValues(c.key, c.raw, Locale{Country: c.country}); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.raw, got, c.want)
		}
	}
}

// TestDialled: a number is known however its own country dials it, and from abroad.
func TestDialled(t *testing.T) {
	for _, c := range []struct {
		e164        string
		countries   []string
		plus, plain []string
	}{
		{"491711234567", []string{"de"}, []string{"491711234567", "4901711234567"}, []string{"491711234567", "011491711234567", "1711234567", "01711234567"}},
		{"491711234567", []string{"fr", "de", "DE"}, []string{"491711234567", "4901711234567"}, []string{"491711234567", "011491711234567", "1711234567", "01711234567"}},
		{"9", nil, []string{"9"}, []string{"9", "0119"}},
	} {
		plus, plain := Dialled(c.e164, c.countries)
		if !slices.Equal(plus, c.plus) || !slices.Equal(plain, c.plain) {
			t.Errorf("%s: %q and %q, want %q and %q", c.e164, plus, plain, c.plus, c.plain)
		}
	}
}
