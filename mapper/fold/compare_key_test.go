package fold

import "testing"

func TestSpellingsOfOneWordHaveOneCompareKey(t *testing.T) {
	for _, all := range [][]string{
		{"İpek.Şahin@example.com", "İPEK.ŞAHİN@EXAMPLE.COM", "ipek.şahin@example.com", "I\u0307pek.Şahin@example.com"},
		{"ayşe.yıldız@example.com", "AYŞE.YILDIZ@EXAMPLE.COM"},
		{"jörg.weiß@example.com", "JÖRG.WEISS@EXAMPLE.COM", "JÖRG.WEIẞ@example.com"},
		{"νικος.παππας@example.com", "ΝΙΚΟΣ.ΠΑΠΠΑΣ@EXAMPLE.COM"},
		{"bob@münchen.example", "bob@münchen。example", "bob@MÜNCHEN｡example", "bob@münchen．example"},
		{"bob@mail.münchen.example", "bob@mail。münchen.example"},
		{"K-4711", "K‐4711", "k‑4711", "K‒4711", "K–4711", "K—4711", "K―4711", "K−4711", "K－4711", "Kー4711", "Kｰ4711", "K﹣4711"},
		{"会员-8899", "会员‐8899"},
	} {
		want := PlainPunctuation(CompareKey(all[0]))
		for _, s := range all {
			got := PlainPunctuation(CompareKey(s))
			if got != want {
				t.Errorf("compare key of %q is %q, want %q", s, got, want)
			}
			if CompareKey(got) != got || PlainPunctuation(got) != got {
				t.Errorf("the key %q is not stable: %q", got, PlainPunctuation(CompareKey(got)))
			}
		}
	}
	for _, s := range []string{"コーヒー", "らーめん", "宛先はada@example.com。次の"} {
		if got := PlainPunctuation(CompareKey(s)); got != s {
			t.Errorf("%q is changed to %q", s, got)
		}
	}
}
