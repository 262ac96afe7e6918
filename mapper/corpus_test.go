package mapper

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"relay/internal/meta"
	"relay/mapper/match"
)

// sample is one line of testdata/normal: a raw value of a match key and what
// must come of it.
type sample struct {
	file, line string
	key        string   // the file's name
	country    string   // the address's, as the event has it
	fallback   string   // default_country
	raw        string   // JSON
	want       []string // normal forms; "#…" passes as a hash; none: left out
}

// TestNormalForms runs every line of testdata/normal through Map, in both
// formats, and reads the hashes that would be sent. The expectations were
// decided from Meta's documentation, not from what the code gives.
func TestNormalForms(t *testing.T) {
	for _, s := range readSamples(t) {
		t.Run(s.key+"/"+s.line, func(t *testing.T) {
			for _, api := range []meta.API{meta.Conversions, meta.Offline} {
				if len(s.wireNames(api)) == 0 {
					continue // the format has no such key
				}
				got, notes := s.run(t, api)
				want := s.hashes(api)
				if strings.Join(got, " ") != strings.Join(want, " ") {
					t.Fatalf("%s: [%s%s] %s in %s\n got %s\nwant %s", s.file, s.country, s.fallback, s.raw, api, s.reveal(got), strings.Join(s.want, " + "))
				}
				if len(want) == 0 && !s.isBlank() && len(notes) == 0 {
					t.Errorf("%s: %s in %s: left out without a note", s.file, s.raw, api)
				}
			}
		})
	}
}

// Every hashed key has samples: a wrong normal form matches no customer, and Meta's answers do not
// reveal it.
func TestEveryHashedKeyHasSamples(t *testing.T) {
	for k := range match.Table {
		key := &match.Table[k]
		if _, err := os.Stat("testdata/normal/" + key.Name + ".txt"); err != nil && key.Hash != meta.Unhashed {
			t.Errorf("%s: write samples, a raw value and its normal form a line, as in testdata/normal/last_name.txt: %v", key.Name, err)
		}
	}
}

// readSamples reads "[country]  JSON → normal form" lines.
func readSamples(t testing.TB) []sample {
	t.Helper()
	files, err := filepath.Glob("testdata/normal/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	var out []sample
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		key := strings.TrimSuffix(filepath.Base(file), ".txt")
		lines := bufio.NewScanner(f)
		for n := 1; lines.Scan(); n++ {
			line := lines.Text()
			if line == "" || line[0] == '#' {
				continue
			}
			s := sample{file: fmt.Sprintf("%s:%d", file, n), line: strconv.Itoa(n), key: key}
			place, rest, ok := strings.Cut(strings.TrimPrefix(line, "["), "]")
			at := strings.LastIndex(rest, "→")
			if !ok || at < 0 {
				t.Fatalf("%s: not a sample: %s", s.file, line)
			}
			if code, ok := strings.CutPrefix(place, "="); ok {
				s.fallback = code
			} else {
				s.country = place
			}
			s.raw = strings.TrimSpace(rest[:at])
			if !json.Valid([]byte(s.raw)) {
				t.Fatalf("%s: not JSON: %s", s.file, s.raw)
			}
			want := strings.TrimSpace(rest[at+len("→"):])
			if key == "name" {
				s.want = strings.Split(want, " | ")
			} else if want != "∅" {
				s.want = strings.Split(want, " + ")
			}
			out = append(out, s)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (s sample) isBlank() bool {
	var v any
	_ = json.Unmarshal([]byte(s.raw), &v)
	if list, ok := v.([]any); ok && len(list) == 0 {
		return true
	}
	text, ok := v.(string)
	return v == nil || ok && strings.TrimSpace(text) == ""
}

// source is where the key is found: where relay looks by itself, or, when it does not,
// where the mapping says.
func (s sample) source() (path string, own bool) {
	for i := range match.Table {
		if k := &match.Table[i]; k.Name == s.key && len(k.From) > 0 {
			return k.From[0], true
		}
	}
	return "context.traits." + s.key, s.key == "name" // which makes both names
}

// event puts the value where Segment's clients put it, beside another key that
// lets the event through.
func (s sample) event() []byte {
	ev := map[string]any{
		"type": "track", "event": "Till", "messageId": "m", "timestamp": "2026-11-20T10:00:00Z",
		"context": map[string]any{}, "integrations": map[string]any{},
	}
	traits, address := map[string]any{}, map[string]any{}
	value := json.RawMessage(s.raw)
	switch from, _ := s.source(); {
	case s.key == "external_id":
		ev["userId"] = value
		traits["email"] = "other@example.com"
	case s.key == "lead_id":
		ev["integrations"] = map[string]any{"Facebook Offline Conversions": map[string]any{"leadId": value}}
	case strings.HasPrefix(from, "context.traits.address."):
		address[strings.TrimPrefix(from, "context.traits.address.")] = value
	default:
		traits[strings.TrimPrefix(from, "context.traits.")] = value
	}
	if s.key != "external_id" {
		ev["userId"] = "somebody"
	}
	if s.country != "" {
		address["country"] = s.country
	}
	if len(address) > 0 {
		traits["address"] = address
	}
	ev["context"] = map[string]any{"traits": traits}
	body, _ := json.Marshal(ev)
	return body
}

func (s sample) run(t *testing.T, api meta.API) (got []string, notes []Note) {
	t.Helper()
	mapping := "version: 1\nevents: { Till: \"1\" }\n"
	if path, own := s.source(); !own {
		mapping += "match_keys: { " + s.key + ": " + path + " }\n"
	}
	if s.fallback != "" {
		mapping += "default_country: " + s.fallback + "\n"
	}
	m, _, err := Parse("mapping.yaml", []byte(mapping))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	out := m.Map(Event{Body: s.event(), Received: now}, now, OverrideAPI(api))
	if len(out) != 1 || out[0].Kind != Send {
		t.Fatalf("%s: not sent: %+v", s.file, out)
	}
	var conv struct {
		UserData  map[string]json.RawMessage `json:"user_data"`
		MatchKeys map[string]json.RawMessage `json:"match_keys"`
	}
	if err := json.Unmarshal(out[0].Conversion, &conv); err != nil {
		t.Fatal(err)
	}
	keys := conv.UserData
	if api == meta.Offline {
		keys = conv.MatchKeys
	}
	for _, name := range s.wireNames(api) {
		raw, ok := keys[name]
		var list []string
		switch {
		case !ok && len(s.wireNames(api)) > 1:
			got = append(got, "∅")
		case !ok:
		case json.Unmarshal(raw, &list) == nil:
			got = append(got, list...)
		default:
			got = append(got, strings.Trim(string(raw), `"`))
		}
	}
	if s.key == "date_of_birth" && api == meta.Offline && strings.Join(got, "") == "∅∅∅" {
		got = nil
	}
	return got, out[0].Notes
}

// wireNames are the fields of a conversion that a sample fills.
func (s sample) wireNames(api meta.API) []string {
	if s.key == "name" {
		return []string{"fn", "ln"}
	}
	for _, k := range match.Table {
		if k.Name == s.key {
			if api == meta.Offline {
				return k.Offline
			}
			return []string{k.Conversions}
		}
	}
	return nil
}

// hashes are the values that must be on the wire.
func (s sample) hashes(api meta.API) []string {
	var out []string
	want := s.want
	if api == meta.Offline && len(want) > 1 && s.key != "name" && s.key != "email" && s.key != "phone" {
		want = want[:1] // the others have one value there
	}
	for _, w := range want {
		hash, already := strings.CutPrefix(w, "#")
		switch {
		case s.key == "name" && w == "∅":
			out = append(out, "∅")
		case already && api == meta.Offline && s.key == "external_id":
			var raw string
			_ = json.Unmarshal([]byte(s.raw), &raw)
			out = append(out, raw) // as it came
		case already && api == meta.Offline && s.key == "date_of_birth":
			return nil // cannot be split
		case already:
			out = append(out, hash)
		case s.key == "lead_id", s.key == "external_id" && api == meta.Offline:
			out = append(out, w)
		case s.key == "date_of_birth" && api == meta.Offline:
			out = append(out, match.SHA256(w[:4]), match.SHA256(w[4:6]), match.SHA256(w[6:]))
		default:
			out = append(out, match.SHA256(w))
		}
	}
	return out
}

// reveal returns the text behind a hash, for the failure message.
func (s sample) reveal(got []string) string {
	if len(got) == 0 {
		return "∅"
	}
	var text any
	d := json.NewDecoder(strings.NewReader(s.raw))
	d.UseNumber()
	_ = d.Decode(&text)
	if list, ok := text.([]any); ok && len(list) > 0 {
		text = list[0]
	}
	l := match.Locale{Country: match.Normalise(match.Country, s.country, match.Locale{}, nil).Form, DefaultCountry: strings.ToLower(s.fallback), Today: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	raw := fmt.Sprint(text)
	if s.key == "name" {
		first, last := match.SplitName(raw)
		return match.Normalise(match.FirstName, first, l, nil).Form + " | " + match.Normalise(match.LastName, last, l, nil).Form
	}
	for k := range match.Count {
		if match.Table[k].Name == s.key {
			return match.Normalise(k, raw, l, nil).Form + " (" + strings.Join(got, " ") + ")"
		}
	}
	return strings.Join(got, " ")
}
