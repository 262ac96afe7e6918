package personal

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// names reads a list of testdata: names with commas between them, and before a
// colon what they have in common.
func names(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		language, list, ok := strings.Cut(line, ": ")
		if !ok {
			language, list = "", line
		}
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				out[language] = append(out[language], name)
			}
		}
	}
	return out
}

func TestPersonalNames(t *testing.T) {
	n, lists := 0, names(t, "personal.txt")
	for language, list := range lists {
		for _, name := range list {
			n++
			name, top := strings.CutPrefix(name, "^")
			if !Name(name, true, false).Personal {
				t.Errorf("%s: %q is not taken for personal", language, name)
			}
			if top {
				if !Name(name, false, true).Personal {
					t.Errorf("%s: %q of a customer is not taken for personal", language, name)
				}
			} else if !Name(name, false, false).Personal {
				t.Errorf("%s: %q is not taken for personal within products", language, name)
			}
		}
	}
	if n < 300 || len(lists) != 16 {
		t.Errorf("the list has %d names in %d languages", n, len(lists))
	}
}

func TestHarmlessNames(t *testing.T) {
	n := 0
	for _, list := range names(t, "harmless.txt") {
		for _, name := range list {
			n++
			for _, top := range []bool{true, false} {
				if got := Name(name, top, false); got.Personal {
					t.Errorf("%q is taken for personal (of the event itself: %t)", name, top)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("the list has %d names", n)
	}
}

func TestNamesWithinOthers(t *testing.T) {
	for _, x := range []struct {
		name, parent string
		want         bool
	}{
		{"name", "customer", true},
		{"name", "shipping", true},
		{"Name", "Kunde", true},
		{"name", "product", false},
		{"name", "", false},
		{"name", "customer_group", false},
		{"city", "customer", true},
		{"city", "store", false},
		{"title", "customer", false},
		{"method", "shipping", false},
		{"last", "customer", true},
		{"last", "product", false},
		{"line1", "shipTo", true},
		{"via", "Intestatario", true},
		{"full", "name", false},
	} {
		if got := Name(x.name, false, Name(x.parent, false, false).Person).Personal; got != x.want {
			t.Errorf("%s within %q: personal %t, want %t", x.name, x.parent, got, x.want)
		}
	}
}

// TestNamesOfSomebody: who is read as a name.
func TestNamesOfSomebody(t *testing.T) {
	for _, x := range []struct {
		name          string
		somebody, who bool
	}{
		{"customer", true, true},
		{"bill_to", true, false},
		{"shipTo", true, false},
		{"Kunde", true, true},
		{"Auftraggeber", true, true},
		{"Kontakt", true, true},
		{"Intestatario", true, true},
		{"購入者", true, true},
		{"客户", true, true},
		{"买家", true, true},
		{"customer_type", false, false},
		{"客户类型", false, false},
		{"Kundengruppe", false, false},
	} {
		if got := Name(x.name, true, false); got.Person != x.somebody || got.OneWord != x.who {
			t.Errorf("%q: somebody %t, who %t", x.name, got.Person, got.OneWord)
		}
	}
}

// TestRoles: whoever a property is called after, in each language, alone and with name.
func TestRoles(t *testing.T) {
	lists := names(t, "roles.txt")
	for language, list := range lists {
		for _, name := range list {
			if got := Name(name, false, false); !got.Personal && !got.OneWord {
				t.Errorf("%s: a single word under %q leaves: %+v", language, name, got)
			}
		}
	}
	if len(lists) < 25 {
		t.Errorf("roles.txt has %d languages", len(lists))
	}
	for _, x := range []struct {
		text string
		who  bool
	}{
		{"Ada", true},
		{"ada", true},
		{"Ada Hofe", true},
		{"Айгуль", true},
		{"김하늘", true},
		{"Rose", true},
		{"Gold Smith", true},
		{"retail", false},
		{"Neukunde", false},
		{"VIP", false},
		{"web", false},
		{"c7", false},
		{"K-4711", false},
		{"12", false},
		{"", false},
		{"yes", false},
		{"回头客1", false},
		{"B2B", false},
		{"weight", false},
		{"C7 Ada", true},
	} {
		if IsPersonName(x.text) != x.who {
			t.Errorf("%q says who: %t", x.text, !x.who)
		}
	}
}

// BenchmarkName is what an event's names cost: nearly all are harmless.
func BenchmarkName(b *testing.B) {
	list := []string{"coupon", "affiliation", "order_id", "brand", "products", "shipping_method", "customerPhone", "loyalty_points"}
	for b.Loop() {
		for _, n := range list {
			Name(n, true, false)
		}
	}
}

// The table of Latin letters says what the long way says, whatever stands beside them.
func TestLatinTable(t *testing.T) {
	for r := range rune(endOfLatin) {
		for _, text := range []string{string(r), "é" + string(r), string(r) + "a", string(r) + "\u0301", "ﬁ" + string(r) + "İß"} {
			if got, want := appendFold(nil, text), foldOther(nil, text); !bytes.Equal(got, want) {
				t.Errorf("%q: %q, not %q", text, got, want)
			}
		}
	}
}
