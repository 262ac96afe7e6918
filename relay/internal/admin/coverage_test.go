package admin

import (
	"encoding/json"
	"testing"
)

// TestMatchKeysOf: the look through the bytes finds what a JSON reader finds.
func TestMatchKeysOf(t *testing.T) {
	for _, conversion := range []string{
		`{"event_name":"Purchase","user_data":{"em":["aa"],"ph":["bb","cc"],"lead_id":7,"external_id":["dd"]},"custom_data":{"ct":"x"}}`,
		`{"match_keys":{"email":"aa","gen":"f","doby":"1","dobm":"2","dobd":"3","extern_id":"id"},"event_name":"Purchase"}`,
		`{"match_keys":{"extern_id":"a\"fn\":b}","zip":"z"},"custom_data":{"ln":"x"}}`,
		`{"match_keys":{"extern_id":"ends in \\","st":"s","country":"c"}}`,
		`{"match_keys":{"extern_id":"\\\\\"","phone":["p"]}}`,
		`{"user_data":{},"custom_data":{"em":"x"}}`, `{"event_name":"X"}`, `{"user_data":{"lead_id":1}}`,
	} {
		var c struct {
			UserData  map[string]any `json:"user_data"`
			MatchKeys map[string]any `json:"match_keys"`
		}
		if err := json.Unmarshal([]byte(conversion), &c); err != nil {
			t.Fatal(err)
		}
		var want uint16
		for _, keys := range []map[string]any{c.UserData, c.MatchKeys} {
			for i, k := range matchKeyNames {
				if keys[k.conversions] != nil || keys[k.offline] != nil {
					want |= 1 << i
				}
			}
		}
		if got := matchKeysOf([]byte(conversion)); got != want {
			t.Errorf("%s: %b, want %b", conversion, got, want)
		}
	}
}

// FuzzMatchKeysOf: no bytes break it.
func FuzzMatchKeysOf(f *testing.F) {
	f.Add([]byte(`{"user_data":{"em":["aa"],"x":"\"}`))
	f.Add([]byte(`{"match_keys":{"em"`))
	f.Fuzz(func(_ *testing.T, b []byte) { matchKeysOf(b) })
}
