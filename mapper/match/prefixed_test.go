package match

import (
	"strings"
	"testing"
)

// A hash with the name of its kind before it, or its bytes apart, is that hash.
func TestHashesWithAName(t *testing.T) {
	h := SHA256("ada@example.com")
	apart := h[:2]
	for i := 2; i < len(h); i += 2 {
		apart += " " + h[i:i+2]
	}
	for _, text := range []string{h, strings.ToUpper(h), "sha256:" + h, "SHA-256:" + h, "sha256=" + h, "sha256:" + strings.ToUpper(h), apart, strings.ReplaceAll(apart, " ", ":")} {
		if v := Normalise(Email, text, Locale{}, nil); v.Form != h || !v.Hashed {
			t.Errorf("%s: %+v", text, v)
		}
	}
	for _, text := range []string{"sha256:" + h[:60], "sha256:ada@example.com", "md5:" + h[:32]} {
		if v := Normalise(Email, text, Locale{}, nil); v.Hashed {
			t.Errorf("%s: %+v", text, v)
		}
	}
}

// A locale says its country; a part of a country is no locale.
func TestCountryOfALocale(t *testing.T) {
	for text, want := range map[string]string{"de_DE": "de", "de-AT": "at", "en_GB": "gb", "pt-BR": "br", "en_us": "us", "DE-BY": "", "US-CA": "", "de_ZZ": "", "xx": ""} {
		if v := Normalise(Country, text, Locale{}, nil); v.Form != want {
			t.Errorf("%s: %q, want %q", text, v.Form, want)
		}
	}
}
