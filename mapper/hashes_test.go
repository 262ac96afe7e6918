package mapper

import (
	"strings"
	"testing"

	"relay/internal/meta"
	"relay/mapper/match"
)

// TestKnownHashes compares with the hashes that Meta's documentation of the
// customer parameters prints, so that a mistake in the hashing itself, which
// every other test would share, cannot hide.
func TestKnownHashes(t *testing.T) {
	for _, k := range []struct{ key, raw, country, want string }{
		{"email", `"john_smith@gmail.com"`, "", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"},
		{"phone", `"(650)555-1212"`, "US", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"},
		{"first_name", `"Mary"`, "", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"},
		{"first_name", `"Valéry"`, "", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"},
		{"first_name", `"Vale\u0301ry"`, "", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"},
		{"first_name", `"정"`, "", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"},
		{"gender", `"Female"`, "", "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"},
		{"gender", `"Male"`, "", "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"},
		{"date_of_birth", `"1997-02-16"`, "", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"},
		{"city", `"New York"`, "", "350c754ba4d38897693aa077ef43072a859d23f613443133fecbbd90a3512ca5"},
		{"state", `"California"`, "US", "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"},
		{"zip", `"94035-1234"`, "US", "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e"},
		{"zip", `"M1 1AE"`, "UK", "1dc694c2070e697769fb959b50671d76cafd430d8ca191fbdd0affcaea344ac5"},
		{"country", `"USA"`, "", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"},
		// Segment's own sample, whose phone has no country code.
		{"phone", `"4011234567"`, "USA", "89fe36dd70ef72f0249e4772cf73606c2aafa70f0cb4f73df3265bffc1c0a5ac"},
		{"city", `"East Greenwich"`, "USA", "d9d92774c31765bee5ed3de896143fba0281d7c43e5f5408822ab7075c11a5ef"},
	} {
		got, _ := sample{key: k.key, raw: k.raw, country: k.country}.run(t, meta.Conversions)
		if strings.Join(got, " ") != k.want {
			t.Errorf("%s %s: got %v, want %s", k.key, k.raw, got, k.want)
		}
	}
}

// TestAnyHashPasses: 64 hex digits are somebody's hash, whatever they look
// like; only nothing but zeros stands for nothing.
func TestAnyHashPasses(t *testing.T) {
	for _, key := range []string{"email", "phone", "first_name", "city", "zip"} {
		for _, digit := range "a1F" {
			h := strings.Repeat(string(digit), 64)
			if got, _ := (sample{key: key, raw: `"` + h + `"`, country: "US"}).run(t, meta.Conversions); strings.Join(got, " ") != strings.ToLower(h) {
				t.Errorf("%s: %v became %v", key, h, got)
			}
		}
		if got, _ := (sample{key: key, raw: `"` + strings.Repeat("0", 64) + `"`, country: "US"}).run(t, meta.Conversions); len(got) != 0 {
			t.Errorf("%s: zeros became %v", key, got)
		}
	}
}

// TestPhoneNotes checks that the note names the missing country.
func TestPhoneNotes(t *testing.T) {
	for _, c := range []struct {
		locale match.Locale
		want   string
	}{
		{match.Locale{}, "neither the event nor default_country"},
		{match.Locale{CountryGiven: true, DefaultCountry: "us"}, "the event's country is unknown"},
	} {
		if n := match.Normalise(match.Phone, "(413) 555-0142", c.locale, nil); n.Code != "phone_no_country" || !strings.Contains(n.Why, c.want) {
			t.Errorf("%+v: %+v", c.locale, n)
		}
	}
}
