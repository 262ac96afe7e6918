package event

import (
	"slices"
	"strings"
	"testing"
)

const pathEvent = `{"event":"E","userId":7,
	"properties":{"store":{"code":"S1"},"store no":"2","a.b":"dot","products":[{"id":"p0","price":1},{"id":"p1"},"x"],"lines":{"0":{"id":"l0"},"2":{"id":"l2"}},"none":null},
	"context":{"traits":{"First_Name":"Ada","email":"","E-Mail Address":"ada@example.com","address":{"zip":"01101","postalCode":" "},"phone":"1","mobile":"2"},
		"Facebook Conversions API":{"other":1},"FACEBOOK_OFFLINE_CONVERSIONS":{"leadId":"9"}},
	"integrations":{"Meta Conversions API (Actions)":{"leadId":5}}}`

// The notation of the mapping, on one event.
func TestPath(t *testing.T) {
	root := decode(t, pathEvent)
	for path, want := range map[string]string{
		"event":                                    `"E"`,
		"userId":                                   `7`,
		"properties.store.code":                    `"S1"`,
		`properties["store no"]`:                   `"2"`,
		`properties['a.b']`:                        `"dot"`,
		"properties.products[0].id":                `"p0"`,
		"properties.products[1].id":                `"p1"`,
		"properties.products[2].id":                "",
		"properties.products[9].id":                "",
		"properties.products[].id":                 `"p0" "p1"`,
		"properties.products[].price":              `1`,
		"properties.products[]":                    `{"id":"p0","price":1} {"id":"p1"} "x"`,
		"properties.store[].code":                  "",
		"properties.lines[2].id":                   `"l2"`, // PHP's list with its own numbers
		"properties.lines[1].id":                   "",
		"properties.lines[].id":                    `"l0" "l2"`,
		"properties.store[0]":                      "",
		"properties.none":                          `null`,
		"properties.missing.deeper":                "",
		"event.name":                               "",
		"context.traits.firstName":                 `"Ada"`,             // another spelling
		"context.traits.email":                     `"ada@example.com"`, // blank: the other spelling is used
		"context.traits.phone":                     `"1"`,
		"context.traits.mobile":                    `"2"`,
		"context.traits.address.zip":               `"01101"`,
		"context.traits.lastName":                  "",
		"context.traits.address.postalCode":        `"01101"`,
		"integrations.Facebook Conversions.leadId": `5`, // under any name of the destination
		`context["Facebook Conversions"].leadId`:   `"9"`,
		`context["Facebook Conversions"].missing`:  "",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var got []string
		for _, n := range p.All(root, nil) {
			got = append(got, jsonOf(n))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", path, s, want)
		}
		if one := p.One(root); !p.Many && jsonOf(one) != strings.Join(append(got, "none")[:1], "") {
			t.Errorf("%s: One returns %s, All %s", path, jsonOf(one), got)
		}
	}
}

// Several destinations can each have a list.
func TestPathThroughDestinations(t *testing.T) {
	root := decode(t, `{"context":{"Facebook Conversions API":{"ids":[1,2]},"Other":{"ids":[3]},"Meta Offline Conversions":{"ids":[4]}}}`)
	p, err := ParsePath(`context["Facebook Offline Conversions"].ids[]`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, n := range p.All(root, nil) {
		got = append(got, n.Text)
	}
	if !slices.Equal(got, []string{"1", "2", "4"}) {
		t.Errorf("%v", got)
	}
}

// What package rules asks of a path to find spelling mistakes.
func TestPathNames(t *testing.T) {
	p, err := ParsePath(`context.traits["first name"][0].x`)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Names(); !slices.Equal(got, []string{"context", "traits", "first name", "x"}) {
		t.Errorf("names %q", got)
	}
	if !p.Has("traits") || p.Has("properties") || p.Last() != "x" {
		t.Errorf("Has or Last is wrong: %q", p.Last())
	}
	if name, ok := p.NameAt(1); name != "traits" || !ok {
		t.Errorf("name 1 is %q", name)
	}
	for _, i := range []int{3, 9} { // an index, and after the end
		if name, ok := p.NameAt(i); ok {
			t.Errorf("position %d has the name %q", i, name)
		}
	}
	if !p.SpellsAt(2, "First-Name") || p.SpellsAt(2, "lastName") {
		t.Error("SpellsAt does not compare spellings")
	}
	indexed, err := ParsePath("a[0]")
	if err != nil || indexed.Last() != "a" {
		t.Errorf("last of a[0]: %q, %v", indexed.Last(), err)
	}
	p, err = ParsePath("properties.leadId")
	if err != nil {
		t.Fatal(err)
	}
	root := decode(t, `{"properties":{"lead_id":3,"lead id that is very much longer than any spelling":1}}`)
	if p.One(root) != nil {
		t.Error("a property is found under another spelling")
	}
	if p.AnySpelling(); jsonOf(p.One(root)) != "3" {
		t.Errorf("with AnySpelling: %s", jsonOf(p.One(root)))
	}
}

// A name in a note must not reveal a person: tills use names and numbers as property names.
func TestJoinPath(t *testing.T) {
	for _, c := range []struct{ at, name, want string }{
		{"properties", "store", "properties.store"},
		{"", "store", "store"},
		{"properties", "store no", `properties["store no"]`},
		{"properties", "a.b", `properties["a.b"]`},
		{"properties", "", `properties[""]`},
		{"properties", "ada@example.com", "properties.…"},
		{"properties", "2125550147", "properties.…"},
		{"properties", "line 12", `properties["line 12"]`},
		{"properties", strings.Repeat("x", 81), "properties.…"},
	} {
		if got := JoinPath(c.at, c.name); got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.name, c.at, got, c.want)
		}
	}
}

// Libraries and tills spell traits in their own ways. The likeliest spelling with a value wins.
func TestTraitSpellings(t *testing.T) {
	p, err := ParsePath("context.traits.phone")
	if err != nil {
		t.Fatal(err)
	}
	for traits, want := range map[string]string{
		`{"PHONE":"1"}`: `"1"`, `{"Phone_Number":"1"}`: `"1"`, `{"mobile-phone":"1"}`: `"1"`, `{"$phone":"1"}`: `"1"`, `{"_phone":"1"}`: `"1"`, `{" phone":"1"}`: "none", `{"téléphone":"1"}`: "none",
		`{"mobile":"2","phoneNumber":"1"}`: `"1"`, `{"phone":"","mobile":"2"}`: `"2"`, `{"phone":null,"Mobile":"2"}`: `"2"`, `{"phone":""}`: `""`, `{"":"1"}`: "none", `{"1phone":"1"}`: "none",
		`{"phone2":"1"}`: "none", `{"` + strings.Repeat("p", 41) + `":"1"}`: "none", `"text"`: "none",
	} {
		if got := jsonOf(p.One(decode(t, `{"context":{"traits":`+traits+`}}`))); got != want {
			t.Errorf("%s: %s, want %s", traits, got, want)
		}
	}
	// A trait that is not in the list is found in any case and with any separators.
	if p, err = ParsePath("context.traits.Loyalty Card"); err != nil {
		t.Fatal(err)
	}
	if got := jsonOf(p.One(decode(t, `{"context":{"traits":{"loyalty_card":"7"}}}`))); got != `"7"` {
		t.Errorf("loyalty_card: %s", got)
	}
}
