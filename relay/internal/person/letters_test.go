package person

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"relay/mapper"
)

func TestLetterVariants(t *testing.T) {
	for _, c := range []struct{ line, text string }{
		{"İpek.Şahin@example.com", "İPEK.ŞAHİN@EXAMPLE.COM"},
		{"ipek.sahin@example.com", "İPEK.SAHİN@EXAMPLE.COM"},
		{"ayşe.yıldız@example.com", "AYŞE.YILDIZ@EXAMPLE.COM"},
		{"AYŞE.YILDIZ@EXAMPLE.COM", "ayşe.yıldız@example.com"},
		{"jörg.weiß@example.com", "JÖRG.WEISS@example.com"},
		{"JÖRG.WEIẞ@example.com", "jörg.weiß@example.com"},
		{"νικος.παππας@example.com", "ΝΙΚΟΣ.ΠΑΠΠΑΣ@EXAMPLE.COM"},
		{"bob@münchen.example", "bob@münchen。example"},
		{"bob@münchen。example", "bob@münchen.example"},
		{"bob@straße.example", "bob@xn--strae-oqa.example"},
		{"bob@xn--strae-oqa.example", "BOB@STRASSE.EXAMPLE"},
		{"bob@faß.example", "BOB@FASS.EXAMPLE"},
		{"K-4711", "K‑4711"},
		{"K‑4711", "K-4711"},
		{"K-4711", "Kー4711"},
		{"会员-8899", "会员‐8899"},
		{"K-4711", "Kunde K‑4711 – bezahlt"},
		{"K-4711", "Kunde—K-4711—bezahlt"}, // dashes that part words
		{"ada@example.com", "paid—ada@example.com—cash"},
		{"ada@example.com", "von ada@example.com。"},
		{"03-5550-0123", "03ー5550ー0123"},
		{"o'neil@example.com", "O’Neil@example.com"},
		{"o’neil@example.com", "von o'neil@example.com"},
		{"o'neil@example.com", "'o'neil@example.com'"},
		{"ada@example.com", "{'email': u'ada@example.com'}"},
		{"ada@example.com", "VALUES (7, N'ada@example.com')"},
	} {
		m := NewMatcher(names(t, c.line), parseMapping(t, "default_country: JP\n"))
		for _, at := range []string{"properties", "traits"} {
			text, _ := json.Marshal(c.text)
			body := `{"type":"track","event":"E","properties":{"order_number":` + string(text) + `}}`
			if at == "traits" {
				body = `{"type":"track","event":"E","userId":` + string(text) + `,"context":{"traits":{"email":` + string(text) + `,"phone":` + string(text) + `}}}`
			}
			if !m.Event([]byte(body), "", noon) {
				t.Errorf("%s: Event does not find %q by %q", at, c.text, c.line)
			}
			kept := NewTokenizer().Of([]byte(body))
			found := false
			for _, token := range m.Tokens() {
				for _, k := range kept {
					found = found || token == k
				}
			}
			if !found {
				t.Errorf("%s: Tokens do not find %q by %q: tokens of the event %q, of the name %q", at, c.text, c.line, kept, m.Tokens())
			}
		}
	}
}

// A receipt has the hash that was sent, which can be that of the address in capitals.
func TestFingerprintsOfCapitals(t *testing.T) {
	for _, c := range []struct{ line, email string }{
		{"ipek.sahin@example.com", "İPEK.SAHİN@EXAMPLE.COM"},
		{"ayşe.yıldız@example.com", "AYŞE.YILDIZ@EXAMPLE.COM"},
		{"jörg.weiß@example.com", "JÖRG.WEISS@EXAMPLE.COM"},
		{"νικος.παππας@example.com", "ΝΙΚΟΣ.ΠΑΠΠΑΣ@EXAMPLE.COM"},
	} {
		mapping := parseMapping(t, "")
		secret := []byte(strings.Repeat("s", 32))
		have := map[string]bool{}
		for _, p := range NewMatcher(names(t, c.line), mapping).Fingerprints(secret) {
			have[p] = true
		}
		in, _ := mapping.KeysIn(mapper.Event{Body: []byte(`{"type":"track","event":"E","context":{"traits":{"email":"` + c.email + `"}}}`), Received: noon})
		found := false
		for _, key := range in {
			found = found || have[key.Fingerprint(secret)]
		}
		if !found {
			t.Errorf("Fingerprints of %[2]q do not match a receipt of %[1]q", c.email, c.line)
		}
	}
}

// A national phone number is found anywhere in an event that names the country.
func TestPhoneInCountryOfEvent(t *testing.T) {
	event := func(country string) []byte {
		return []byte(`{"type":"track","event":"E","context":{"traits":{"address":{"country":"` + country + `"}}},"properties":{"note":"call 0221/555 01 23 first"}}`)
	}
	for _, line := range []string{"+49 221 5550123", "0221 5550123"} {
		m := NewMatcher(names(t, line), parseMapping(t, ""))
		for _, c := range []struct {
			country string
			want    bool
		}{{"DE", true}, {"IT", line[0] == '0'}, {"", false}, {"Germany", true}, {"", false}} {
			if got := m.Event(event(c.country), "", noon); got != c.want {
				t.Errorf("Event(%s in an event from %q) = %t", line, c.country, got)
			}
		}
	}
}

// A customer number that could be a phone number does not match another customer's order
// number, date or amount.
func TestGroupedNumbersAreNotPhones(t *testing.T) {
	for _, c := range []struct{ country, line, is, not string }{
		{"DE", "987654", "987654", "98-7654|987-654|98765.4|9876/54|98 7654|098-7654|098 76 54"},
		{"DE", "151124", "151124", "15.11.24|15-1124|15/11/24"},
		{"DE", "30112024", "30112024", "30.11.2024|30-11-2024|30/11/2024"},
		{"FR", "0130112024", "01 30 11 20 24|01.30.11.20.24", "30.11.2024"},
		{"AT", "1234567", "1234567", "12-34567|123456.7|12345/67|12 34567"},
		{"DE", "0221 5550123", "0221-5550123|(0221) 5550123|0221 / 555 01 23|+49 221-5550123", "221-555012"},
		{"DK", "+45 32 55 01 23", "32 55 01 23|32-55-01-23|3255-0123|+45 3255 0123", "32-55-01-2"},
		{"AT", "123456789", "0123456789|012 345 6789|+43 12 3456789|(12) 3456789", "12-3456789|1-23456789|12 3456789|12-3-456789|123.456.789,00"},
		{"AT", "12-3456789", "12-3456789|012 3456789", "123456789|123-456789"},
		{"PL", "123456789", "123456789|123 456 789|123-456-789|+48 123-456-789", "12-3456789|123.456.789,00 zl|123 456 789,00"},
		{"PL", "+48 512 345 678", "512 345 678|512345-678", "512 345 678,00"},
		{"US", "2125550147", "212-555-0147|212 555 0147|(212) 5550147|1-212-555-0147|212 5550147", "21-25550147|2125550.147|212-5550147"},
		{"US", "+1 212 555 0147", "212-5550147|212555-0147", "+44 2 212-555-0147|+44 212-555-0147"},
		{"US", "+1 202 601 3112", "202-601-3112", "paid 2026-01-31 12:30:00|20260131-12|2026-01-31-12|2026.01.31 12"},
		{"DE", "3101202612", "3101202612", "31.01.2026 12:30|31.01.2026-12|31-01-2026 12"},
		{"DK", "27112026", "27 11 20 26", "27 11 2026|27.11.2026 12:00"},
		{"DK", "20152230", "20 15 22 30", "20.15-22.30|20.15 - 22.30"},
		{"BR", "11987654321", "11 98765-4321|(11) 98765-4321|11 9 8765-4321", "119-87654321|1198765-4321"},
		{"IT", "3471234567", "347 1234567|347 123 4567|+39 347/1234567", "34-71234567"},
		{"RU", "9123456789", "8 912 345-67-89|8(912)3456789", "91-23456789"},
		{"US", "123456789", "123456789", "123-45-6789|123 456 789"},
	} {
		m := NewMatcher(names(t, c.line), parseMapping(t, "default_country: "+c.country+"\n"))
		for i, texts := range []string{c.not, c.is} {
			for _, name := range []string{"order_id", "n"} {
				for _, e := range under(name, texts) {
					if name == "n" && i == 1 && !strings.ContainsAny(e, " -./+(") { // a bare number counts only in fields for ids
						continue
					}
					if m.Event([]byte(e), "", noon) != (i == 1) || findable(m, e) != (i == 1) {
						t.Errorf("%s: %s in %s: Event %t, tokens %t", c.country, c.line, e, m.Event([]byte(e), "", noon), findable(m, e))
					}
				}
			}
			for _, e := range under("telefon", texts) {
				if i == 1 && !m.Event([]byte(e), "", noon) {
					t.Errorf("%s: Event does not find %s in %s", c.country, c.line, e)
				}
			}
		}
	}
}

// A phone number is found next to another number, and a part of a phone number is not one.
func TestPhonesBesideOtherNumbers(t *testing.T) {
	for _, c := range []struct{ country, line, is, not string }{
		{
			"DE", "+49 221 5550123", "27.11.2026 0221 5550123|2026-11-27 0221/5550123|27.11. 0221 5550123|Bon 12 0221 5550123|0221 5550123 27.11.2026|12:30 0221 5550123|0221 5550123 10:00|0221-5550123 12.30 Uhr|" +
				"0171 1234567 0221 5550123|0171 1234567/0221 5550123|0221 5550123 2x|0221 5550123 3er|0221-5550123 50667",
			"0221 555012|0221 55501234|+43 0221 5550123|+43 (0)221 5550123|0043 (0)221 5550123|0221-5550123-2",
		},
		{"DE", "+49 69 12345", "069 12345", "069 12345 678|069/12345 678|069 12345 67"},
		{
			"US", "+1 212 555 0147", "11/27/2026 212-555-0147|2026-11-27 212 555 0147|2 212-555-0147|(212) 555-0147 10001|(212) 555-0147 3pm|212-555-0147 3 pm|212 555 0147 5th Ave|10001 (212) 555-0147",
			"+44 212-555-0147|+353 212-555-0147|+44 (212) 555-0147|(212) 555-01470",
		},
		{"FR", "+33 6 12 34 56 78", "27/11/26 06 12 34 56 78|75001 06 12 34 56 78", "+41 06 12 34 56 78|06 12 34 56 78 90"},
	} {
		m := NewMatcher(names(t, c.line), parseMapping(t, "default_country: "+c.country+"\n"))
		for i, texts := range []string{c.not, c.is} {
			for _, e := range phoned(texts) {
				if m.Event([]byte(e), "", noon) != (i == 1) || findable(m, e) != (i == 1) {
					t.Errorf("%s: %s in %s: Event %t, tokens %t", c.country, c.line, e, m.Event([]byte(e), "", noon), findable(m, e))
				}
			}
		}
	}
}
