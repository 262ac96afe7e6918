package fold

import (
	"strconv"
	"strings"
)

// eras lists the East Asian eras by the year before their first year.
var eras = []struct {
	name   string
	letter byte // for dates in digits such as H2.5.17; 0: none
	before int
}{
	{"明治", 'm', 1867},
	{"大正", 't', 1911},
	{"昭和", 's', 1925},
	{"平成", 'h', 1988},
	{"令和", 'r', 2018},
	{"中華民國", 0, 1911},
	{"中华民国", 0, 1911},
	{"民國", 0, 1911},
	{"民国", 0, 1911},
}

// Era replaces years of a Japanese era, or of the Republic of China calendar, by Gregorian
// ones: 平成2年5月17日 becomes 1990年5月17日, H2.5.17 becomes 1990.5.17. Other text is returned
// unchanged.
func Era(text string) string {
	if strings.Contains(text, "年") {
		for _, era := range eras {
			before, after, found := strings.Cut(text, era.name)
			if !found {
				continue
			}
			year, rest, found := strings.Cut(after, "年")
			year = strings.TrimSpace(year)
			if year == "元" {
				year = "1"
			}
			n, err := strconv.Atoi(year)
			if found && err == nil && len(year) <= 3 && n > 0 {
				text = before + strconv.Itoa(era.before+n) + "年" + rest
			}
		}
	}
	for at := 0; at+len("h1.1.1") <= len(text); at++ {
		before := eraOf(text[at] | 0x20)
		if before == 0 || at > 0 && isASCIIWord(text[at-1]) {
			continue
		}
		end := at + 1
		for end < len(text) && end <= at+2 && '0' <= text[end] && text[end] <= '9' {
			end++
		}
		if end == at+1 || end+1 >= len(text) || strings.IndexByte("./-", text[end]) < 0 || text[end+1] < '0' || text[end+1] > '9' ||
			strings.IndexByte(text[end+1:min(len(text), end+4)], text[end]) < 0 {
			continue
		}
		n, _ := strconv.Atoi(text[at+1 : end])
		text = text[:at] + strconv.Itoa(before+n) + text[end:]
	}
	return text
}

// eraOf returns the year before the era with this lower-case letter, or 0.
func eraOf(letter byte) int {
	switch letter {
	case 'm', 't', 's', 'h', 'r':
		for _, era := range eras {
			if era.letter == letter {
				return era.before
			}
		}
	}
	return 0
}

func isASCIIWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// BuddhistYears is how many years the Thai calendar is ahead of the Gregorian one.
const BuddhistYears = 543
