package personal

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// Digits of a phone number with its country's code (ITU E.164), and of one
// without.
const (
	minDigits = 7
	maxDigits = 15
	maxGroups = 7 // words of one
)

// HoldsPhone says whether text has in it a phone number that is written as one:
// with + or 00 and the country's code, or in groups as people of the region (ISO
// alpha-2; "": the US and Canada) write them; and one that the country's
// numbering plan knows. Other digits are none: they are ids, amounts and codes.
func HoldsPhone(text, region string) bool {
	digits := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; '0' <= c && c <= '9' || c >= 0xC0 { // of any script
			digits++
		}
	}
	if digits < minDigits {
		return false
	}
	if region == "" {
		region = "US"
	}
	region = strings.ToUpper(region)
	f := finder{text: plain(text), region: region}
	return f.find()
}

// HoldsPlainPhone is HoldsPhone for codes and numbers of a catalogue, which may be
// grouped like a phone number: what only a phone number has says that it is one,
// a + or a bracket, or 00 before groups.
func HoldsPlainPhone(text, region string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			text = plain(text)
			break
		}
	}
	text = strings.TrimSpace(text)
	if !strings.ContainsAny(text, "+(") && !(strings.HasPrefix(text, "00") && strings.ContainsAny(text, " -./")) {
		return false
	}
	return HoldsPhone(text, region)
}

// finder looks for phone numbers in a text.
type finder struct {
	text   string
	region string
	known  bool   // trunk and nanp are
	trunk  string // what is dialled before a national number: 0, 8; "" for none
	nanp   bool   // numbers are North America's
	tries  int
	groups []int     // of some of words
	words  []written // that may be one number together
}

// written is a word of digits and what stands between them.
type written struct {
	text, digits string
	groups       []int // digits of each
}

// find goes through the stretches of words that hold digits and what phone
// numbers are written with, and nothing else.
func (f *finder) find() bool {
	for i := 0; i <= len(f.text); {
		n := 0
		for i+n < len(f.text) && (isDigit(f.text[i+n]) || strings.IndexByte("+-./()", f.text[i+n]) >= 0) {
			n++
		}
		end := i + n
		switch {
		case n == 0 || !isBoundary(f.text, i, end):
			// A + says it by itself: tel:+1…, order+12125550147.
			if at := strings.IndexByte(f.text[i:end], '+'); at >= 0 && f.one(take(f.text[i+at:end])) {
				return true
			}
			f.words = f.words[:0]
		default:
			w := take(f.text[i:end])
			if w.digits == "" && len(w.text) > 1 || len(w.digits) == 1 && w.text[0] != '(' || isDate(w.text) {
				f.words = f.words[:0] // a single digit only begins a number
			}
			if w.digits != "" && !isDate(w.text) || len(w.text) == 1 {
				f.words = append(f.words, w)
				if f.last() {
					return true
				}
			}
		}
		i = end
		if i < len(f.text) && f.text[i] == ' ' {
			i++
			continue
		}
		for i < len(f.text) && !isDigit(f.text[i]) && f.text[i] != '+' && f.text[i] != '(' { // on to the next that may begin one
			i++
		}
		f.words = f.words[:0]
		if i == len(f.text) {
			break
		}
	}
	return false
}

// isBoundary says whether what lies from i to end is a word of its own.
func isBoundary(text string, i, end int) bool {
	before := i == 0 || !isWord(text[i-1]) && text[i-1] != '.' && text[i-1] != '-'
	return before && (end == len(text) || !isWord(text[end]) || BeginsExtension(text[end:]))
}

// BeginsExtension says whether a text begins with the extension of a phone number that may
// be set on to it: x12, ext12, ext. 12.
func BeginsExtension(text string) bool {
	for _, mark := range [...]string{"extension", "extn", "ext", "x"} {
		if len(text) <= len(mark) || !strings.EqualFold(text[:len(mark)], mark) {
			continue
		}
		rest := strings.TrimPrefix(strings.TrimPrefix(text[len(mark):], "."), " ")
		n := leadingDigits(rest)
		return n > 0 && n <= maxExtension && (n == len(rest) || !isWord(rest[n]))
	}
	return false
}

// maxExtension is how many digits an extension has at most.
const maxExtension = 6

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '@' || c == '%' || c == '&' || c == '='
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// take takes a word apart.
func take(text string) (w written) {
	text = strings.TrimRight(text, "+-./(")
	w.text = text
	var digits strings.Builder
	n := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isDigit(text[i]) {
			digits.WriteByte(text[i])
			n++
		} else if n > 0 {
			w.groups = append(w.groups, n)
			n = 0
		}
	}
	w.digits = digits.String()
	return w
}

// last says whether the last words are a phone number together.
func (f *finder) last() bool {
	digits := 0
	for i := len(f.words) - 1; i >= 0; i-- {
		digits += len(f.words[i].digits)
		if digits > maxDigits+len("00") || len(f.words)-i > maxGroups {
			f.words = append(f.words[:0], f.words[i+1:]...)
			return false
		}
		if digits < minDigits || f.words[i].digits == "" {
			continue
		}
		f.groups = f.groups[:0]
		for j := range f.words[i:] {
			f.groups = append(f.groups, f.words[i+j].groups...)
		}
		first := &f.words[i]
		if (first.text[0] == '+' || first.text[0] == '(' || first.digits[0] == '0' || f.grouped(first.text, first.digits, f.groups)) && f.one(join(f.words[i:])) {
			return true
		}
	}
	return false
}

func join(words []written) (w written) {
	if len(words) == 1 {
		return words[0]
	}
	for i := range words {
		w.text += words[i].text + " "
		w.digits += words[i].digits
		w.groups = append(w.groups, words[i].groups...)
	}
	w.text = strings.TrimSuffix(w.text, " ")
	return w
}

// one says whether what is written is one phone number.
func (f *finder) one(w written) bool {
	d := w.digits
	if len(d) < minDigits || len(d) > maxDigits+len("00") {
		return false
	}
	switch lead := strings.TrimLeft(w.text, "("); {
	case lead == "":
		return false
	case lead[0] == '+':
		return f.isPhone("+"+d, "")
	case strings.HasPrefix(d, "00") && w.groups[0] >= len("00"):
		return f.isPhone("+"+d[2:], "")
	case len(w.groups) < 2 || !f.grouped(w.text, w.digits, w.groups):
		return false
	}
	return f.isPhone(d, f.region)
}

// grouped says whether digits are grouped as phone numbers of the region are.
// Of text and digits the first word counts.
func (f *finder) grouped(text, digits string, g []int) bool {
	if !f.known {
		f.known, f.trunk = true, phonenumbers.GetNddPrefixForRegion(f.region, true)
		f.nanp = phonenumbers.GetCountryCodeForRegion(f.region) == 1
	}
	switch {
	case slices.Equal(g, []int{3, 3, 4}), slices.Equal(g, []int{1, 3, 3, 4}):
		return true
	case f.nanp:
		return slices.Equal(g, []int{3, 7}) && text[0] == '('
	case digits[0] == '0' || f.trunk != "" && strings.HasPrefix(digits, f.trunk) && len(g) > 2:
		// 0.1234567 is a number.
		return len(g) > 2 || !strings.Contains(text, ".")
	case f.trunk != "":
		return false
	}
	return slices.ContainsFunc(closedPlans, func(as []int) bool { return slices.Equal(g, as) })
}

// closedPlans are how numbers are grouped where no 0 is dialled before them.
var closedPlans = [][]int{{3, 3, 3}, {2, 2, 2, 2}, {3, 2, 2, 2}, {2, 3, 2, 2}, {3, 2, 3}, {3, 2, 4}, {3, 7}, {4, 4}, {3, 3, 2, 2}, {2, 4, 4}}

// maxTries bounds how often the numbering plans are asked about one text. One
// with more that looks like phone numbers is taken to hold one.
const maxTries = 100

func (f *finder) isPhone(digits, region string) bool {
	if digits[0] == '+' && (len(digits) < 2 || digits[1] == '0') {
		return false // no country's code
	}
	if f.tries++; f.tries > maxTries {
		return true
	}
	var n phonenumbers.PhoneNumber
	return phonenumbers.ParseToNumber(digits, region, &n) == nil && phonenumbers.IsValidNumber(&n)
}

var dateForm = regexp.MustCompile(`^\(?(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{2}|\d{4}))\)?$`)

func isDate(word string) bool {
	return len("1.2.26") <= len(word) && len(word) <= len("(2026-12-31)") && strings.ContainsAny(word, "-./") && dateForm.MatchString(word)
}
