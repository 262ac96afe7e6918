package match

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"relay/mapper/fold"
)

// sample is one line of the mapper's testdata/normal that has one text.
type sample struct {
	at                string
	key               string // the file's name
	country, fallback string
	raw               string
	want              string // "#…": it passes as a hash; "∅": left out
}

// readSamples reads "[country]  JSON → normal form" lines.
func readSamples(t testing.TB) (out []sample) {
	t.Helper()
	files, err := filepath.Glob("../testdata/normal/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			line := lines.Text()
			if line == "" || line[0] == '#' {
				continue
			}
			s := sample{at: file + ": " + line, key: strings.TrimSuffix(filepath.Base(file), ".txt")}
			place, rest, _ := strings.Cut(strings.TrimPrefix(line, "["), "]")
			at := strings.LastIndex(rest, "→")
			if code, ok := strings.CutPrefix(place, "="); ok {
				s.fallback = code
			} else {
				s.country = place
			}
			if at < 0 || json.Unmarshal([]byte(rest[:at]), &s.raw) != nil || strings.HasPrefix(s.raw, "[\"") || strings.ContainsRune(s.raw, '\uFFFD') {
				continue // a number, a list or what is no text: the mapper's test has them
			}
			s.want = strings.TrimSpace(rest[at+len("→"):])
			out = append(out, s)
		}
	}
	return out
}

// TestNormalForms: what Meta would hash of every sample, also when somebody asks
// how it came about. The mapper's test of the same name sends them.
func TestNormalForms(t *testing.T) {
	ids := map[string]Key{}
	for k := range Count {
		ids[Table[k].Name] = k
	}
	for _, s := range readSamples(t) {
		country := Normalise(Country, s.country, Locale{}, nil)
		if country.Hashed {
			country.Form = hashedCountries()[country.Form]
		}
		l := Locale{
			Country: country.Form, CountryGiven: s.country != "", DefaultCountry: strings.ToLower(s.fallback),
			Today: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
		}
		if s.key == "name" {
			first, last := SplitName(s.raw)
			form := func(k Key, part string) string {
				if v := Normalise(k, part, l, nil); v.Form != "" {
					return v.Form
				}
				return "∅"
			}
			if got := form(FirstName, first) + " | " + form(LastName, last); got != s.want {
				t.Errorf("%s: %s", s.at, got)
			}
			continue
		}
		k, ok := ids[s.key]
		if !ok {
			t.Fatalf("%s: no such key", s.at)
		}
		if SplitValues(k, s.raw, l) != nil {
			var got []string
			for _, v := range NormaliseAll(k, s.raw, l) {
				if v.Form != "" && !slices.Contains(got, v.Form) {
					got = append(got, v.Form)
				}
			}
			if strings.Join(got, " + ") != s.want {
				t.Errorf("%s: %q", s.at, got)
			}
			continue
		}
		for _, trace := range []*Trace{nil, {}} {
			v := Normalise(k, s.raw, l, trace)
			got := v.Form
			switch {
			case v.Hashed:
				got = "#" + v.Form
			case v.Form == "":
				got = "∅"
			}
			if got != s.want {
				t.Errorf("%s: %s (%s)", s.at, got, v.Code)
			}
			if v.Form == "" && v.Code == "" && fold.Clean(s.raw) != "" {
				t.Errorf("%s: left out without a reason", s.at)
			}
		}
	}
}
