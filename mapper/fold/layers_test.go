package fold

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func TestLayers(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for text, want := range map[string]string{
		"ada%40example.com": "ada@example.com", "j%FCrg%40example.com": "jürg@example.com", "j%c3%bcrg%2540example.com": "jürg@example.com",
		"a%u0064a%u0040x": "ada@x", `a\x64a\u0040x`: "ada@x", `\\x61da\\u0040x`: "ada@x", `ada\100x`: "ada@x", `\u{61}da`: "ada", `\U00000061da`: "ada", `\ud83d\ude00!`: "😀!",
		`a\nb\tc`: "a b c", `a\/b`: "a/b", "ada=40x": "ada@x", "ada=40exam=\r\nple.com": "ada@example.com", "=FCbel=20": "übel ",
		"&#64;&amp;#64;": "@@", b64([]byte("ada@example.com")): "ada@example.com\n", "x/" + b64([]byte("jürg@example.com")): "jürg@example.com\n",
		b64([]byte(b64([]byte("ada@example.com")))): "ada@example.com\n", "\uff0540": "@",
	} {
		if all := slices.Collect(Layers(text)); !slices.Contains(all, want) {
			t.Errorf("%q: %q", text, all)
		}
	}
	for _, text := range []string{
		"", "ada@example.com", "1c5f7e0a-6f3a-4c2e-9a3d-0d6a5f1b7c11", "2026-11-20T10:15:30.123Z", "Monopoly 3rd Edition", "/checkout/thank-you", "summer-sale-international",
		"https://shop.example.com/checkout/thank-you", "till3-100423", "Kundennummernverzeichnis", strings.Repeat("0123456789abcdef", 4), "Größenwahnsinnig",
	} {
		if all := slices.Collect(Layers(text)); len(all) != 1 || all[0] != text {
			t.Errorf("%q: %q", text, all)
		}
	}
	for _, text := range []string{"100% \\ sure & =x=", "x?id=4711&b=4a", `C:\data`, "a=b"} { // letters and digits are not escaped, and stray escape characters are not escapes
		for layer := range Layers(text) {
			if layer != text {
				t.Errorf("%q: %q", text, layer)
			}
		}
	}
}

// checkCost checks the number and total size of the layers of a text.
func checkCost(t *testing.T, text string) {
	t.Helper()
	n, bytes := 0, 0
	for layer := range Layers(text) {
		n++
		bytes += len(layer)
	}
	// Invalid UTF-8 takes three bytes for one, an HTML entity six bytes for five.
	if n > maxLayers || bytes > 6*maxLayers*(len(text)+16) {
		t.Errorf("%d layers of %d bytes in all, from a text of %d bytes", n, bytes, len(text))
	}
}

func TestLayersCost(t *testing.T) {
	for _, piece := range []string{"%25", "%", `\`, `\\`, "&amp;", "&nGt;", "=3D", "=", "=\n", "%FF", "QUFB", "UVVGQ", "A", "/", "Q/", "\\u0025", "\xef", "\uff05", "ﷺ%41", "\xff%41", "\\ud83d"} {
		text := strings.Repeat(piece, 256<<10/len(piece))
		checkCost(t, text)
	}
}

func FuzzLayers(f *testing.F) {
	for _, s := range []string{"ada%40x", "=40", "&amp;#64;", "YWRhQGV4YW1wbGUuY29t", `\u0040\x40\100`, "\uff05\u200b40", "a=\r\nb", "/YWRhQGV4YW1wbGUuY29t/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkCost(t, text)
		if strings.ContainsAny(text, " %&\\=") || len(text) < 9 || !IsPlainASCII(text) {
			return
		}
		for _, b64 := range []string{base64.StdEncoding.EncodeToString([]byte(text)), base64.RawURLEncoding.EncodeToString([]byte(text))} {
			if !slices.Contains(slices.Collect(Layers(b64)), text+"\n") {
				t.Errorf("no layer of %[2]q is %[1]q", text, b64)
			}
		}
	})
}
