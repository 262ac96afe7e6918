package fold

import (
	"slices"
	"strings"
	"testing"
)

func TestEmailSpellings(t *testing.T) {
	for _, c := range []struct{ letters, ascii string }{
		{"ada@bücher.example", "ada@xn--bcher-kva.example"},
		{"ada@mañana.example", "ada@xn--maana-pta.example"},
		{"ada@faß.example", "ada@xn--fa-hia.example"},
		{"ada@☃-⌘.example", "ada@xn----dqo34k.example"},
		{"ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"},
		{"ada@пример.испытание", "ada@xn--e1afmkfd.xn--80akhbyknj4f"},
		{"ada@उदाहरण.परीक्षा", "ada@xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g"},
		{"ada@مثال.إختبار", "ada@xn--mgbh0fb.xn--kgbechtv"},
		{"ada@실례.테스트", "ada@xn--9n2bp8q.xn--9t4b11yi5a"},
		{"ada@shop.bücher.example", "ada@shop.xn--bcher-kva.example"},
		{"ünal@bücher.example", "ünal@xn--bcher-kva.example"},
		{"ada@他们为什么不说中文.example", "ada@xn--ihqwcrb4cv8a8dqg056pqjye.example"}, // RFC 3492, 7.1
	} {
		if got := EmailSpellings(c.letters); !slices.Equal(got, []string{c.ascii}) {
			t.Errorf("spellings of %s: %q", c.letters, got)
		}
		if got := EmailSpellings(c.ascii); !slices.Equal(got, []string{c.letters}) {
			t.Errorf("spellings of %s: %q", c.ascii, got)
		}
	}
	if got := EmailSpellings("a@bücher.xn--bcher-kva.example"); !slices.Equal(got, []string{"a@bücher.bücher.example", "a@xn--bcher-kva.xn--bcher-kva.example"}) {
		t.Errorf("one label in each form: %q", got)
	}
	for _, one := range []string{"", "ada", "ada@x.example", "ünal@x.example", "ada@xn--.example", "ada@xn--a.example", "ada@xn--0.example", "ada@xn--BCHER-KVA.example", "ada@xn--bcher-kvaa9999999999.example", "@", "ada@"} {
		if got := EmailSpellings(one); len(got) > 0 {
			t.Errorf("%q has other spellings: %q", one, got)
		}
	}
}

func FuzzEmailSpellings(f *testing.F) {
	for _, s := range []string{"bücher.example", "xn--bcher-kva", "例え.jp", "xn--99999999", "xn--a-\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		address := Fold("a@" + domain)
		for _, other := range EmailSpellings(address) {
			if back := EmailSpellings(other); !slices.ContainsFunc(back, func(s string) bool { return s == address || slices.Contains(EmailSpellings(address), s) }) && !strings.Contains(domain, "@") {
				t.Errorf("%q has the spelling %q, whose spellings %q do not lead back", address, other, back)
			}
		}
	})
}
