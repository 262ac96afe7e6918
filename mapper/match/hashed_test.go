package match

import (
	"strings"
	"testing"
)

// TestHashesAsProgramsWriteThem: with the hash's name before it, and with blanks or colons
// in it, a SHA-256 is one, and any other hash is said to be one.
func TestHashesAsProgramsWriteThem(t *testing.T) {
	const hash = "a13fa06f1e45bdbbe0227d4cb151c0db406dcf12a50f50288a309b0cbcebedb9"
	const md5 = "0bc83cb571cd1c50ba6f3e8a78ef1346"
	grouped := func(s, sep string, n int) string {
		var parts []string
		for ; s != ""; s = s[n:] {
			parts = append(parts, s[:n])
		}
		return strings.Join(parts, sep)
	}
	for _, k := range []Key{Email, Phone, FirstName, LastName, City, BirthDate, ExternalID} {
		for _, text := range []string{
			hash, "sha256:" + hash, "SHA-256: " + strings.ToUpper(hash), "sha256=" + hash, "sha256-" + hash, "{SHA256}" + hash, "0x" + hash, grouped(hash, " ", 8), grouped(hash, ":", 2),
		} {
			if v := Normalise(k, text, Locale{}, nil); v.Form != hash || !v.Hashed {
				t.Errorf("%s: %q is %+v", Table[k].Name, text, v)
			}
		}
		for _, text := range []string{"md5:" + md5, grouped(md5, " ", 8), "sha1:" + hash[:40], "md5:" + hash[:32]} {
			if v := Normalise(k, text, Locale{}, nil); k != ExternalID && (v.Form != "" || !strings.Contains(v.Why, "looks hashed")) {
				t.Errorf("%s: %q is %+v", Table[k].Name, text, v)
			}
		}
	}
	for _, id := range []string{"cdda802e-fb9c-47ad-9866-0794d394c912", "sha256-of-nothing-in-particular-at-all-00"} {
		if v := Normalise(ExternalID, id, Locale{}, nil); v.Form != id || v.Hashed {
			t.Errorf("%q is %+v", id, v)
		}
	}
	for _, text := range []string{"sha256:" + hash[:60], "sha256:ada@example.com"} {
		if v := Normalise(Email, text, Locale{}, nil); v.Hashed {
			t.Errorf("%q is %+v", text, v)
		}
	}
	if v := Normalise(Email, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Locale{}, nil); v.Code != "email_placeholder" {
		t.Errorf("the hash of nothing is %+v", v)
	}
}

// TestQuotesAlone: a field of nothing but quotes, however many, is a value like any other.
func TestQuotesAlone(t *testing.T) {
	for _, text := range []string{strings.Repeat(`"`, 40), strings.Repeat("'", 64), strings.Repeat(`"'`, 66)} {
		for k := range Count {
			if v := Normalise(k, text, Locale{}, nil); v.Form != "" && k != ExternalID {
				t.Errorf("%s: %q is %+v", Table[k].Name, text, v)
			}
		}
		if first, last := SplitName(text); last != "" {
			t.Errorf("%q is %q and %q", text, first, last)
		}
	}
}
