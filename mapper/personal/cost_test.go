package personal

import (
	"strings"
	"testing"
	"time"
)

// TestCost holds what a text may cost against its length: a text of 256 KiB is
// read in a second, whatever is in it.
func TestCost(t *testing.T) {
	var p Person
	p.Reset()
	p.Name("ada", "lovelace")
	p.Phrase("aaaa aaaa aaaa")
	for _, piece := range []string{
		"1 2 3 4 5 6 7 ", "12 34 56 78 ", "+", "+9", "123-456-7890 ", "+99999999999 ", "(", "0", "0 ", "00 ", "12.", "1/", "a@", "@", "a@a.", "%40",
		"aaaa ", "a", "lovelacex ", "ﷺ", "１", "e\u0301", "-1",
	} {
		text := strings.Repeat(piece, 256<<10/len(piece))
		start := time.Now()
		_ = HoldsPhone(text, "DE")
		_ = HoldsPhone(text, "DK")
		_ = HoldsEmail(text)
		p.Holds(text)
		Words(text)
		Name(text, true, false)
		Name(text[:maxName], true, false)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%q again and again takes %s", piece, took)
		} else if took > 200*time.Millisecond {
			t.Logf("%q again and again takes %s", piece, took)
		}
	}
}
