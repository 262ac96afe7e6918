package personal

import (
	"strings"
	"testing"
	"time"

	"relay/internal/cputime"
)

// TestCost checks that the cost of a text is linear in its length: four times the text takes much
// less than sixteen times the processor time, whatever the text contains.
func TestCost(t *testing.T) {
	var p Person
	p.Reset()
	p.Name("ada", "lovelace")
	p.Phrase("aaaa aaaa aaaa")
	cost := func(text string) time.Duration {
		return cputime.Of(func() {
			_ = HoldsPhone(text, "DE")
			_ = HoldsPhone(text, "DK")
			_ = HoldsEmail(text)
			p.Holds(text)
			Words(text)
			Name(text, true, false)
			Name(text[:maxName], true, false)
		})
	}
	for _, piece := range []string{
		"1 2 3 4 5 6 7 ", "12 34 56 78 ", "+", "+9", "123-456-7890 ", "+99999999999 ", "(", "0", "0 ", "00 ", "12.", "1/", "a@", "@", "a@a.", "%40",
		"aaaa ", "a", "lovelacex ", "ﷺ", "１", "e\u0301", "-1",
	} {
		short, long := strings.Repeat(piece, 16<<10/len(piece)), strings.Repeat(piece, 64<<10/len(piece))
		cost(short) // builds tables
		one := min(cost(short), cost(short))
		four := min(cost(long), cost(long))
		if four > 10*one+20*time.Millisecond {
			t.Errorf("%q: 16 KiB take %s, 64 KiB %s", piece, one, four)
		}
	}
}
