package personal

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// The number of digits in a phone number with country code (ITU E.164), and in one without.
const (
	minDigits = 7
	maxDigits = 15
	maxGroups = 7 // maximum number of digit groups
)

// HoldsPhone reports whether text contains a phone number written as one: with + or 00 and
// country code, or in the groups that are usual in region (ISO alpha-2; "" stands for the US
// and Canada). The numbering plan must accept it. Other digits are ids, amounts and codes.
func HoldsPhone(text, region string) bool {
	digits := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; '0' <= c && c <= '9' || c >= 0xC0 { // a digit of any script
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
	f := finder{text: normalise(text), region: region}
	return f.find()
}

// HoldsMarkedPhone is HoldsPhone for codes and catalogue numbers, which can be grouped like
// phone numbers. It therefore requires a mark that only phone numbers have: a +, a bracket, or
// 00 before groups.
func HoldsMarkedPhone(text, region string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			text = normalise(text)
			break
		}
	}
	text = strings.TrimSpace(text)
	if !strings.ContainsAny(text, "+(") && !(strings.HasPrefix(text, "00") && strings.ContainsAny(text, " -./")) {
		return false
	}
	return HoldsPhone(text, region)
}

// finder searches a text for phone numbers.
type finder struct {
	text   string
	region string
	known  bool   // trunk and nanp are set
	trunk  string // the prefix for national calls: 0, 8, or ""
	nanp   bool   // the region uses the North American Numbering Plan
	tries  int
	groups []int     // buffer for the groups of several words
	words  []written // words that could form one number together
}

// written is a word of digits and the characters between them.
type written struct {
	text, digits string
	groups       []int // number of digits in each group
}

// find goes through the words that consist only of digits and characters of phone numbers.
func (f *finder) find() bool {
	for i := 0; i <= len(f.text); {
		n := 0
		for i+n < len(f.text) && (isDigit(f.text[i+n]) || strings.IndexByte("+-./()", f.text[i+n]) >= 0) {
			n++
		}
		end := i + n
		switch {
		case n == 0 || !isBoundary(f.text, i, end):
			// A plus is enough: tel:+1…, order+12125550147.
			f.words = f.words[:0]
			if at := strings.IndexByte(f.text[i:end], '+'); at >= 0 {
				if w := parseWritten(f.text[i+at : end]); f.one(w) || f.beforeSuffix(w) {
					return true
				}
				f.words = f.words[:0]
			}
		default:
			w := parseWritten(f.text[i:end])
			if w.digits == "" && len(w.text) > 1 || len(w.digits) == 1 && w.text[0] != '(' || isDate(w.text) {
				f.words = f.words[:0] // a single digit can only be the start of a number
			}
			if w.digits != "" && !isDate(w.text) || len(w.text) == 1 {
				if f.beforeSuffix(w) {
					return true
				}
				f.words = append(f.words, w)
				if f.last(0) {
					return true
				}
			}
		}
		i = end
		if i < len(f.text) && f.text[i] == ' ' {
			i++
			continue
		}
		for i < len(f.text) && !isDigit(f.text[i]) && f.text[i] != '+' && f.text[i] != '(' { // skip to the next possible start
			i++
		}
		f.words = f.words[:0]
		if i == len(f.text) {
			break
		}
	}
	return false
}

// isBoundary reports whether text[i:end] is a separate word.
func isBoundary(text string, i, end int) bool {
	before := i == 0 || !isWord(text[i-1]) && text[i-1] != '.' && text[i-1] != '-'
	return before && (end == len(text) || !isWord(text[end]) || BeginsExtension(text[end:]))
}

// BeginsExtension reports whether a text starts with the extension of a phone number, which can
// follow without a blank: x12, ext12, ext. 12.
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

// maxExtension is the maximum number of digits in an extension.
const maxExtension = 6

func isWord(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c == '@' || c == '%' || c == '&' || c == '='
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parseWritten splits a word into its parts.
func parseWritten(text string) (w written) {
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

// beforeSuffix reports whether the words and the start of w are a phone number that the rest of w
// follows: +12125550147-1, as a till numbers the orders of a customer, or two numbers with a slash
// between them.
func (f *finder) beforeSuffix(w written) bool {
	digits, groups := 0, 0
	for i := 0; i < len(w.text) && digits <= maxDigits+len("00") && groups < maxGroups; i++ {
		if isDigit(w.text[i]) {
			digits++
			continue
		}
		if i == 0 || !isDigit(w.text[i-1]) {
			continue
		}
		groups++
		if w.text[i] != '-' && w.text[i] != '/' {
			continue
		}
		f.words = append(f.words, written{text: w.text[:i], digits: w.digits[:digits], groups: w.groups[:groups]})
		if f.last(w.text[i]) {
			return true
		}
		f.words = f.words[:max(0, len(f.words)-1)]
	}
	return false
}

// last reports whether the last words together are a phone number. suffix is the separator after
// them, or 0 at the end of a word. A dash can also be part of a code, so before one only a number
// with +, 00 or a bracket is accepted.
func (f *finder) last(suffix byte) bool {
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
		if suffix == '-' && first.text[0] != '+' && first.text[0] != '(' && (first.groups[0] < len("00") || first.digits[:2] != "00") {
			continue
		}
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

// one reports whether the written text is one phone number.
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

// grouped reports whether digits are grouped as is usual for phone numbers in the region. text
// and digits are those of the first word.
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
		// 0.1234567 is an ordinary number.
		return len(g) > 2 || !strings.Contains(text, ".")
	case f.trunk != "":
		return false
	}
	return slices.ContainsFunc(closedPlans, func(as []int) bool { return slices.Equal(g, as) })
}

// closedPlans lists the groupings used where national numbers have no prefix 0.
var closedPlans = [][]int{{3, 3, 3}, {2, 2, 2, 2}, {3, 2, 2, 2}, {2, 3, 2, 2}, {3, 2, 3}, {3, 2, 4}, {3, 7}, {4, 4}, {3, 3, 2, 2}, {2, 4, 4}}

// maxTries limits the look-ups in numbering plans for one text. A text with more candidates
// counts as containing a phone number.
const maxTries = 100

func (f *finder) isPhone(digits, region string) bool {
	if digits[0] == '+' && (len(digits) < 2 || digits[1] == '0') {
		return false // not a country code
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
