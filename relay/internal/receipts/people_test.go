package receipts

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestPeople: the look through the bytes finds the people that a JSON reader
// finds.
func TestPeople(t *testing.T) {
	a, b, c := hash("a@example.com"), hash("b@example.com"), hash("id-1")
	for _, conversion := range []string{
		`{"event_name":"Purchase","event_id":"m","user_data":{"em":["` + a + `","` + b + `"],"ph":["x"],"external_id":["` + c + `"]},"custom_data":{"em":"x"}}`,
		`{"match_keys":{"email":"` + a + `","extern_id":"id-1"},"event_name":"Purchase"}`,
		`{"match_keys":{"email":["` + a + `","` + b + `"],"extern_id":"a\"email\":\"b}"}}`,
		`{"match_keys":{"extern_id":"ends in \\","email":"` + b + `"}}`,
		`{"match_keys":{"extern_id":"` + c + `"}}`,
		`{"user_data":{"lead_id":7,"ge":["x"]},"custom_data":{"external_id":"x"}}`,
		`{"user_data":{"em":[]}}`,
	} {
		var e struct {
			UserData  map[string]any `json:"user_data"`
			MatchKeys map[string]any `json:"match_keys"`
		}
		if err := json.Unmarshal([]byte(conversion), &e); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, keys := range []map[string]any{e.UserData, e.MatchKeys} {
			for _, name := range []string{"em", "external_id", "email", "extern_id"} {
				values, _ := keys[name].([]any)
				if s, ok := keys[name].(string); ok {
					values = []any{s}
				}
				for _, v := range values {
					s := v.(string)
					if name == "extern_id" && !isHash(s) {
						s = hash(s)
					}
					want = append(want, fingerprint(s))
				}
			}
		}
		slices.Sort(want)
		if got := people([]byte(conversion)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", conversion, got, want)
		}
	}
}

// FuzzPeople: no bytes break it.
func FuzzPeople(f *testing.F) {
	f.Add([]byte(`{"user_data":{"em":["aa"],"x":"\"}`))
	f.Add([]byte(`{"match_keys":{"email":["`))
	f.Fuzz(func(_ *testing.T, b []byte) { people(b) })
}
