package rules

import (
	"strings"
	"testing"
)

func TestOnlyAdds(t *testing.T) {
	const before = `version: 1
default_currency: EUR
event_sets: { north: { id: 702000000000001 } }
events:
  Order Completed: 702000000000001
  Product Viewed: [702000000000001]
  Product Added:
    to: [702000000000001]
    when: properties.total > 10
upload_tag: shop
`
	replace := func(from, to string) string {
		if !strings.Contains(before, from) {
			t.Fatalf("no %q", from)
		}
		return strings.Replace(before, from, to, 1)
	}
	for name, c := range map[string]struct {
		before, now string
		want        bool
	}{
		"the same":                   {before, before, true},
		"laid out otherwise":         {before, "# a comment\n" + replace(": shop", ":   \"shop\""), false}, // the last line is another
		"an event":                   {before, replace("events:\n", "events:\n  Product List Viewed: 702000000000001\n"), true},
		"an event of several lines":  {before, replace("events:\n", "events:\n  Product List Viewed:\n    - 702000000000002\n    - north\n"), true},
		"a set":                      {before, replace("Completed: 702000000000001", "Completed: [702000000000002, 702000000000001]"), true},
		"a set by name":              {before, replace("{ north", "{ south: { id: 702000000000003 }, north"), true},
		"a list":                     {before, replace("events:\n  Order", "lead: { Signed Up: 702000000000001 }\nevents:\n  Order"), true},
		"an event less":              {before, replace("  Product Viewed: [702000000000001]\n", ""), false},
		"a set less":                 {before, replace("[702000000000001]\n  Product Added", "[702000000000002]\n  Product Added"), false},
		"a condition":                {before, replace("total > 10", "total > 1"), false},
		"a condition more":           {before, replace("Completed: 702000000000001", "Completed: { to: 702000000000001, when: properties.total > 1 }"), false},
		"a setting less":             {before, replace("upload_tag: shop\n", ""), false},
		"a setting more":             {before, replace("upload_tag:", "staff: properties.staff\nupload_tag:"), false},
		"another setting":            {before, replace("EUR", "USD"), false},
		"another set under the name": {before, replace("id: 702000000000001", "id: 702000000000002"), false},
		"a mistake":                  {before, replace("events:\n", "events:\n  Product List Viewed: nowhere\n"), false},
		"empty":                      {before, "", false},
		"half":                       {before, before[:strings.Index(before, "  Product Added")], false},

		// The last entry is perhaps half written.
		"the last entry, whole":            {"version: 1\nevents:\n  A: 702000000000001\n", "version: 1\nevents:\n  A: 702000000000001\n  B: [702000000000001, 702000000000002]\n", true},
		"the last entry, no line end":      {"version: 1\nevents:\n  A: 702000000000001\n", "version: 1\nevents:\n  A: 702000000000001\n  B: 7020000000000", false},
		"the last entry, of several lines": {"version: 1\nevents:\n  A: 702000000000001\n", "version: 1\nevents:\n  A: 702000000000001\n  B:\n    - 702000000000001\n", false},
		"the last entry, with a comment":   {"version: 1\nevents:\n  A: 702000000000001\n", "version: 1\nevents:\n  A: 702000000000001\n  B: 702000000000001 # new\n# end", true},
		"nothing before":                   {"", "version: 1\nevents:\n  A: 702000000000001\n", false},
	} {
		if got := OnlyAdds([]byte(c.before), []byte(c.now)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// However a mapping is cut, no part of it that lacks a route only adds.
func TestOnlyAddsNoPartOfItself(t *testing.T) {
	const text = "version: 1\nevents:\n  A: 702000000000001\n  B: [702000000000001, 702000000000002]\n  C:\n    - 702000000000001\n    - 702000000000002\n"
	whole, _, err := Parse("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(text) {
		m, _, err := Parse("", []byte(text[:i]))
		if err != nil || !OnlyAdds([]byte(text), []byte(text[:i])) {
			continue
		}
		for _, e := range whole.EventNames {
			if len(m.Routes(e)) != len(whole.Routes(e)) {
				t.Errorf("%d of %d bytes: %s lacks a route", i, len(text), e)
			}
		}
	}
}
