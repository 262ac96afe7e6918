package mapper

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"relay/mapper/match"
)

// birthOf maps a sale to a customer with this birth date, and returns the value of db and all notes.
func birthOf(t *testing.T, mapping, birthday string) (db string, notes string) {
	t.Helper()
	m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { Sale: '1' }\nmatch_keys: { date_of_birth: context.traits.birthday }\n"+mapping))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	body := fmt.Sprintf(`{"event":"Sale","messageId":"m","context":{"traits":{"email":"ada@example.com","birthday":%s}},"properties":{"a":1}}`, birthday)
	o := m.Map(Event{Body: []byte(body), Received: now}, now)[0]
	for _, n := range o.Notes {
		notes += n.Message + "\n"
	}
	if _, after, ok := strings.Cut(string(o.Conversion), `"db":["`); ok {
		db = after[:64]
	}
	return db, notes
}

// TestBirthObjects: what libraries make of a date.
func TestBirthObjects(t *testing.T) {
	for _, x := range []struct{ mapping, birthday, want, note string }{
		{"", `{"date":"1970-04-03 00:00:00.000000","timezone_type":3,"timezone":"Europe/Berlin"}`, "19700403", ""},
		{"", `{"date":"1970-04-02 23:00:00.000000","timezone_type":3,"timezone":"UTC"}`, "", "more than one date"},
		{"", `{"$date":"1970-04-03T00:00:00Z"}`, "19700403", ""},
		{"", `{"$date":{"$numberLong":"7948800000"}}`, "19700403", ""},
		{"", `{"year":1970,"month":4,"day":3}`, "19700403", ""},
		{"", `{"year":1970,"month":"APRIL","monthValue":4,"dayOfMonth":3}`, "19700403", ""},
		{"", `[1970,4,3]`, "19700403", ""},
		{"", `{"value":"1970-04-03"}`, "", "list context.traits.birthday.value under match_keys.date_of_birth"},
		{"", `"03/04/1970"`, "", "(its shape is 99/99/9999): send it as year-month-day, or set the order with time_format"},
		{"time_format: 02/01/2006 15:04", `"03/04/1970"`, "19700403", ""},
		{"time_format: 1/2/2006 3:04 PM", `"03/04/1970"`, "19700304", ""},
		{"time_format: [02/01/2006 15:04, 01/02/2006 15:04]", `"03/04/1970"`, "", "more than one date"},
		{"", `"third of April"`, "", "(its shape is xxxxx xx xxxxx): send 1990-05-17"},
		{"", `"Thu Apr 02 1970 22:00:00 GMT+0000 (UTC)"`, "", "more than one date"},
	} {
		db, notes := birthOf(t, x.mapping, x.birthday)
		want := ""
		if x.want != "" {
			want = match.SHA256(x.want)
		}
		if db != want || !strings.Contains(notes, x.note) {
			t.Errorf("%s %s: db %q, want %q (%s); notes %s", x.mapping, x.birthday, db, want, x.want, notes)
		}
	}
}

// TestOwnBirthDateInEras: the customer's birth date does not leave in a text, whatever
// calendar it is written in.
func TestOwnBirthDateInEras(t *testing.T) {
	for text, leaves := range map[string]bool{
		"平成2年5月17日生": false, "1990年5月17日": false, "H2.5.17": false, "民國79年5月17日": false, "17/5/2533": false, "17.05.1990": false, "1990-05-17": false,
		"平成3年5月17日": true, "H3.5.17": true, "17/5/2534": true,
	} {
		for _, birthday := range []string{`"平成2年5月17日"`, `{"date":"1990-05-17 00:00:00","timezone":"Asia/Tokyo"}`} {
			if _, c := sentOf(t, "", "m", `"birthday":`+birthday+`,"email":"ada@example.com"`, fmt.Sprintf(`"z":%q`, text)); (c["custom_data"] != nil) != leaves {
				t.Errorf("born %s: %s leaves: %t", birthday, text, !leaves)
			}
		}
	}
}

// TestValuesThatAreObjects checks that the note suggests the member to list.
func TestValuesThatAreObjects(t *testing.T) {
	for traits, want := range map[string]string{
		`"email":"ada@example.com","phone":{"type":"home","number":"+1 212 555 0147"}`:  "list context.traits.phone.number under match_keys.phone",
		`"phone":"+1 212 555 0147","email":{"verified":true,"address":"a@example.com"}`: "list context.traits.email.address under match_keys.email",
		`"email":"ada@example.com","phone":{"note":"none"}`:                             "list the member that holds it under match_keys.phone",
	} {
		o, _ := sentOf(t, "", "m", traits, "")
		if text := fmt.Sprint(o.Notes); !strings.Contains(text, want) {
			t.Errorf("%s: %s", traits, text)
		}
	}
}

// TestAddressForms: an address as JSON text or in a list of one is an address.
func TestAddressForms(t *testing.T) {
	for address, sent := range map[string]bool{
		`{"city":"Bonn","country":"DE"}`: true, `[{"city":"Bonn","country":"DE"}]`: true, `"{\"city\":\"Bonn\",\"country\":\"DE\"}"`: true,
		`"[{\"city\":\"Bonn\",\"country\":\"DE\"}]"`: true, `[{"city":"Bonn"},{"city":"Köln"}]`: false, `"Bonn"`: false,
	} {
		for _, at := range []string{`"context":{"traits":{"email":"ada@example.com","address":%s}}`, `"traits":{"email":"ada@example.com","address":%s}`} {
			m, _, err := Parse("mapping.yaml", []byte("version: 1\nevents: { Sale: '1' }\n"))
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
			o := m.Map(Event{Body: []byte(`{"event":"Sale","messageId":"m",` + fmt.Sprintf(at, address) + `}`), Received: now}, now)[0]
			if got := strings.Contains(string(o.Conversion), match.SHA256("bonn")); got != sent {
				t.Errorf("%s: city sent %t: %s", fmt.Sprintf(at, address), got, o.Conversion)
			}
			if !sent && strings.HasPrefix(address, "[") && strings.HasPrefix(at, `"context`) && !strings.Contains(fmt.Sprint(o.Notes), "context.traits.address[0]") {
				t.Errorf("%s: %v", address, o.Notes)
			}
		}
	}
}
