package fold

import "testing"

func TestAlikeIsOneFormOfWhatIsWrittenInManyWays(t *testing.T) {
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
		want := Marks(Alike(all[0]))
		for _, s := range all {
			got := Marks(Alike(s))
			if got != want {
				t.Errorf("%q reads %q, want %q", s, got, want)
			}
			if Alike(got) != got || Marks(got) != got {
				t.Errorf("%q changes once more: %q", got, Marks(Alike(got)))
			}
		}
	}
	for _, s := range []string{"コーヒー", "らーめん", "宛先はada@example.com。次の"} {
		if got := Marks(Alike(s)); got != s {
			t.Errorf("%q reads %q", s, got)
		}
	}
}
